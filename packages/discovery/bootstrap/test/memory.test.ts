import { ManualClock, until } from '@peerloom/conformance'
import { generateKey, sealPeerRecord } from '@peerloom/identity'
import { multiaddr } from '@multiformats/multiaddr'
import { ProtobufWriter } from '@peerloom/bounded'
import { MemoryDatastore } from 'datastore-core'
import { Key } from 'interface-datastore/key'
import { expect, test } from 'vitest'
import { World } from './nodes.ts'

const key = new Key('/bootstrap/peers')
/** Keeps what the module under test writes and nothing else, so that the address book cannot help. */
class OnlyRemembered extends MemoryDatastore {
  override put(name: Key, value: Uint8Array) {
    return name.toString() === key.toString() || name.toString().startsWith('/keys') ? super.put(name, value) : name
  }
}

test('peers that were reached are tried after a restart, besides the list', async () => {
  const world = new World()
  const [listed, met] = [await world.peer(), await world.peer()]
  const datastore = new OnlyRemembered()
  const first = await world.node({ list: listed.multiaddrs() }, { datastore })
  await first.node.start()
  await first.node.dial(met.multiaddrs())
  await until('both are known', () =>
    [listed, met].every(({ peerId }) => first.node.peers.get(peerId)?.signedRecord !== undefined)
  )
  await until('identified', () => first.node.connections.list().length === 2)
  await first.node.stop()

  await listed.stop()
  const second = await world.node({ list: listed.multiaddrs() }, { datastore })
  await second.node.start()
  await until('connected', () => second.node.connections.list(met.peerId).length === 1)
  expect(second.found.map(({ id }) => id.toString())).toContain(met.peerId.toString())
  expect(second.node.peers.get(met.peerId)?.addresses.every(({ certified }) => certified)).toBe(true)
})

test('peers that dialled us are not remembered', async () => {
  const world = new World()
  const datastore = new OnlyRemembered()
  const { node } = await world.node({ list: [] }, { datastore, addresses: { listen: ['/memory/0'] } })
  await node.start()
  const caller = await world.peer()
  await caller.dial(node.multiaddrs())
  await until('identified', () => node.peers.get(caller.peerId)?.signedRecord !== undefined)
  await node.stop()
  expect(await datastore.has(key)).toBe(false)
})

test('no more peers are remembered than asked for: those that were reached last', async () => {
  const world = new World()
  const datastore = new OnlyRemembered()
  const { node } = await world.node({ list: [], maxRemembered: 2 }, { datastore })
  await node.start()
  const peers = [await world.peer(), await world.peer(), await world.peer()]
  for (const peer of peers) {
    await node.dial(peer.multiaddrs())
    await until('identified', () => node.peers.get(peer.peerId)?.signedRecord !== undefined)
  }
  await node.stop()
  const again = await world.node({ list: [], maxRemembered: 2, minConnections: 0 }, { datastore })
  await again.node.start()
  await until('two announced', () => again.found.length === 2)
  expect(again.found.map(({ id }) => id.toString())).toEqual(peers.slice(1).map(({ peerId }) => peerId.toString()))
})

test('what is remembered is written a while after it was learned', async () => {
  const world = new World()
  const clock = new ManualClock()
  const datastore = new OnlyRemembered()
  const peer = await world.peer()
  const { node } = await world.node({ list: peer.multiaddrs() }, { datastore, clock })
  await node.start()
  await until('identified', () => node.peers.get(peer.peerId)?.signedRecord !== undefined)
  expect(await datastore.has(key)).toBe(false)
  await clock.advance(6000)
  expect(await datastore.has(key)).toBe(true)
})

test('a datastore that was tampered with brings in no address that its peer did not sign', async () => {
  const world = new World()
  const good = await world.peer()
  const forged = (await sealPeerRecord(await generateKey(), { seq: 1n, addresses: [multiaddr('/memory/66')] })).slice()
  forged[forged.length - 1] = (forged.at(-1) as number) ^ 1
  const huge = new Uint8Array(10_000)
  const stored = new ProtobufWriter()
    .uint64(1, 1)
    .bytes(2, forged)
    .bytes(2, huge)
    .bytes(2, await good.addresses.signedRecord())
    .finish()
  const datastore = new OnlyRemembered()
  await datastore.put(key, stored)
  const { node, found } = await world.node({ list: [] }, { datastore })
  await node.start()
  await until('connected', () => node.connections.list(good.peerId).length === 1)
  expect(found.map(({ id }) => id.toString())).toEqual([good.peerId.toString()])
})

test.each([
  ['noise', Uint8Array.of(0xff, 0xff, 0xff, 0xff)],
  ['another version', new ProtobufWriter().uint64(1, 9).bytes(2, new Uint8Array(9)).finish()],
  ['nothing', new Uint8Array(0)]
])('a node whose datastore has %s begins with the list', async (_, stored) => {
  const world = new World()
  const peer = await world.peer()
  const datastore = new OnlyRemembered()
  await datastore.put(key, stored)
  const { node } = await world.node({ list: peer.multiaddrs() }, { datastore, log: () => silent })
  await node.start()
  await until('connected', () => node.connections.list(peer.peerId).length === 1)
})

test('a datastore that never answers holds up neither the list nor stop', async () => {
  const world = new World()
  const clock = new ManualClock()
  const peer = await world.peer()
  class Stuck extends OnlyRemembered {
    override has(name: Key) {
      return name.toString() === key.toString() ? (new Promise(() => {}) as unknown as boolean) : super.has(name)
    }
  }
  const { node } = await world.node({ list: peer.multiaddrs() }, { datastore: new Stuck(), clock, log: () => silent })
  await node.start()
  await until('connected', () => node.connections.list(peer.peerId).length === 1)
  const stopping = node.stop()
  await clock.advance(5000)
  await stopping
  expect(clock.pending).toBe(0)
})

const silent = { enabled: false, debug: (): void => {}, error: (): void => {} }
