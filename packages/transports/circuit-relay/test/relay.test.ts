import { multiaddr } from '@multiformats/multiaddr'
import { type CircuitRelaySnapshot, RelayError, relayStatus as status } from '@peerloom/circuit-relay'
import { until } from '@peerloom/conformance'
import type { DialError } from '@peerloom/core'
import type { Connection, PeerRouting, Stream } from '@peerloom/interface'
import { byteReader } from '@peerloom/streams'
import { expect, test } from 'vitest'
import {
  at,
  type ClientNode,
  clientNode,
  hopProtocol,
  memoryWorld,
  relayedAddresses,
  relayNode,
  reserved,
  trio
} from './nodes.ts'

const mebibyte = 1024 * 1024

/** The status in a failed dial through a relay. */
async function statusOf(dialling: Promise<unknown>): Promise<number | undefined> {
  const error = await dialling.then(
    () => expect.unreachable('it was reached'),
    (failure: DialError) => failure
  )
  expect(error.code).toBe('ERR_DIAL')
  const cause = error.attempts[0]?.cause
  return cause instanceof RelayError ? cause.status : undefined
}

const failuresOf = (node: ClientNode): number =>
  (node.inspect().transports['circuit-relay'] as CircuitRelaySnapshot).relays[0]?.failures ?? 0

const echo = async (stream: Stream): Promise<void> => {
  for await (const bytes of stream) await stream.write(bytes.slice())
  await stream.close()
}

test('a node that listens at a relay gets addresses there, and is reached under them', async () => {
  const { relay, target, source } = await trio(memoryWorld())
  expect(relayedAddresses(target)).toEqual([at(relay)])
  const [address] = target.multiaddrs()
  expect(String(address)).toBe(`${at(relay)}/p2p/${target.peerId}`)
  const connection = await source.dial(target.multiaddrs())
  expect(connection.remotePeer.equals(target.peerId)).toBe(true)
  expect([connection.transport, connection.security, connection.muxer]).toEqual([
    'circuit-relay',
    '/noise',
    '/yamux/1.0.0'
  ])
  await until('the target has it', () => target.connections.list(source.peerId).length === 1)
  const inbound = target.connections.list(source.peerId)[0] as Connection
  expect(inbound.localAddress).toBeUndefined()
  expect(inbound.remoteAddress.toString()).toContain(`/p2p/${relay.peerId}/p2p-circuit`)
  // The relay is a party to neither.
  expect(relay.connections.list().every((one) => one.transport === 'memory')).toBe(true)
})

test('both ends know the limits, and a protocol that did not opt in is not spoken', async () => {
  const { target, source } = await trio(memoryWorld(), { limits: { durationMs: 60_000, bytes: mebibyte } })
  await target.handle('/plain/1', echo)
  await target.handle('/opted/1', echo, { allowLimited: true })
  const connection = await source.dial(target.multiaddrs())
  const limits = { durationMs: 60_000, bytes: BigInt(mebibyte) }
  expect(connection.limits).toEqual(limits)
  await until('the target has it', () => target.connections.list(source.peerId).length === 1)
  expect(target.connections.list(source.peerId)[0]?.limits).toEqual(limits)
  await expect(connection.openStream('/plain/1')).rejects.toMatchObject({ code: 'ERR_LIMITED_CONNECTION' })
  const refused = await connection.openStream('/plain/1', { allowLimited: true, optimistic: true })
  await until('it is refused', () => refused.status === 'reset')
  expect(refused.error).toMatchObject({ code: 'ERR_UNSUPPORTED_PROTOCOL' })
  const stream = await connection.openStream('/opted/1', { allowLimited: true })
  await stream.write(Uint8Array.of(7))
  expect(await byteReader(stream).read(1)).toEqual(Uint8Array.of(7))
})

test('identify and ping work over a limited connection', async () => {
  const { target, source } = await trio(memoryWorld())
  const connection = await source.dial(target.multiaddrs())
  await until('the target is identified', () => source.peers.get(target.peerId)?.agentVersion !== undefined)
  await until('the source is, too', () => target.peers.get(source.peerId)?.agentVersion !== undefined)
  expect(await source.services.ping.ping(connection)).toBeGreaterThanOrEqual(0)
})

test('a relay without limits makes connections without limits', async () => {
  const { target, source } = await trio(memoryWorld(), { limits: false })
  const connection = await source.dial(target.multiaddrs())
  expect(connection.limits).toBeUndefined()
  await target.handle('/plain/1', echo)
  const stream = await connection.openStream('/plain/1')
  await stream.write(Uint8Array.of(7))
  expect(await byteReader(stream).read(1)).toEqual(Uint8Array.of(7))
})

test('who has no reservation is not reached, and the answer says so', async () => {
  const world = memoryWorld()
  const relay = await relayNode(world)
  const [one, two] = [await clientNode(world), await clientNode(world)]
  await two.dial(relay.multiaddrs())
  expect(await statusOf(one.dial(`${at(relay)}/p2p/${two.peerId}`))).toBe(status.noReservation)
  expect(relay.services.relay.inspect().refused).toEqual({ 'no reservation': 1 })
})

test('a reservation ends when its peer leaves', async () => {
  const { relay, target, source } = await trio(memoryWorld())
  const address = `${at(relay)}/p2p/${target.peerId}`
  await target.stop()
  await until('it is gone', () => relay.services.relay.inspect().reservations === 0)
  expect(await statusOf(source.dial(address))).toBe(status.noReservation)
})

test('a node that stops listening lets go of its addresses, and one that starts again gets them back', async () => {
  const { target } = await trio(memoryWorld())
  await target.stop()
  expect(relayedAddresses(target)).toEqual([])
  await target.start()
  await reserved(target)
})

test('addresses come and go with the relay, and are told', async () => {
  const world = memoryWorld()
  const relay = await relayNode(world)
  const address = at(relay)
  const target = await clientNode(world, { listen: [address] })
  const told: string[][] = []
  target.events.on('addresses', (list) => told.push(list.map((own) => own.address.toString())))
  await reserved(target)
  await relay.stop()
  await until('they are gone', () => relayedAddresses(target).length === 0)
  expect(told.slice(-2)).toEqual([[address], []])
})

test('the connection to a relay is kept while it serves', async () => {
  const { relay, target, source } = await trio(memoryWorld())
  expect(target.inspect().transports['circuit-relay']).toMatchObject({
    relays: [{ relay: relay.peerId.toString(), status: 'held', isStatic: true, addresses: [at(relay)] }],
    connections: 0
  })
  const connection = await source.dial(target.multiaddrs())
  await until('the target has it', () => target.connections.list(source.peerId).length === 1)
  expect(source.inspect().transports['circuit-relay']).toMatchObject({ relays: [{ status: 'idle' }], connections: 1 })
  await until('the relay shows it', () => relay.services.relay.inspect().circuits.length === 1)
  const ends = { source: source.peerId.toString(), target: target.peerId.toString() }
  expect(relay.inspect().services['relay']).toMatchObject({ reservations: 1, circuits: [ends], served: 1 })
  JSON.stringify(relay.inspect())
  JSON.stringify(target.inspect())
  await connection.close()
  await until('nothing goes through it', () => relay.services.relay.inspect().circuits.length === 0)
  expect(source.inspect().transports['circuit-relay']).toMatchObject({ connections: 0 })
  expect(relay.services.relay.inspect().bytesRelayed).toBeGreaterThan(0)
})

test('a node finds relays by itself, and listens at as many as are wanted', async () => {
  const world = memoryWorld()
  const relays = await Promise.all([relayNode(world), relayNode(world), relayNode(world)])
  const node = await clientNode(world, { listen: ['/p2p-circuit'] })
  await Promise.all(relays.map((relay) => node.dial(relay.multiaddrs())))
  await reserved(node, 2)
  const source = await clientNode(world)
  const connection = await source.dial(node.multiaddrs())
  expect(connection.remotePeer.equals(node.peerId)).toBe(true)
  expect(relays.filter((relay) => relay.services.relay.inspect().reservations === 1)).toHaveLength(2)
})

test('a relay in the address book is dialled when there are too few', async () => {
  const world = memoryWorld()
  const relay = await relayNode(world)
  const node = await clientNode(world, { listen: ['/p2p-circuit'], relay: { searchIntervalMs: 20 } })
  expect(node.connections.list()).toEqual([])
  node.peers.addAddresses(relay.peerId, relay.multiaddrs())
  node.peers.patch(relay.peerId, { protocols: [hopProtocol] })
  await reserved(node)
})

test('a walk through the network finds relays, too', async () => {
  const world = memoryWorld()
  const relay = await relayNode(world)
  const routing: PeerRouting = {
    findPeer: () => Promise.reject(new Error('nobody')),
    async *closestPeers() {
      yield { id: relay.peerId, addresses: relay.multiaddrs() }
    }
  }
  const node = await clientNode(world, { listen: ['/p2p-circuit'], routing })
  await reserved(node)
})

test('several relays at once: the peer is reached through the one that is left', async () => {
  const world = memoryWorld()
  const [one, two] = [await relayNode(world), await relayNode(world)]
  const target = await clientNode(world, { listen: [at(one), at(two)] })
  await reserved(target, 2)
  const source = await clientNode(world)
  const addresses = [at(one), at(two)].map((address) => multiaddr(`${address}/p2p/${target.peerId}`))
  await one.stop()
  const connection = await source.dial(addresses)
  expect(connection.remoteAddress.toString()).toContain(two.peerId.toString())
})

test('a relay that is down when the node starts does not stop it, and serves it later', async () => {
  const world = memoryWorld()
  const relay = await relayNode(world, {}, '/memory/fixed')
  const address = at(relay)
  await relay.stop()
  const node = await clientNode(world, { listen: [address], relay: { firstBackoffMs: 10 } })
  expect(node.status).toBe('started')
  await until('it was asked in vain', () => failuresOf(node) > 0)
  expect(relayedAddresses(node)).toEqual([])
  await relay.start()
  await reserved(node)
})

test('a relay known by its id is found by its addresses, and never through another relay', async () => {
  const world = memoryWorld()
  const { relay, target, source } = await trio(world)
  await expect(source.dial(`/p2p/${relay.peerId}/p2p-circuit/p2p/${target.peerId}`)).rejects.toMatchObject({
    attempts: [{ cause: { code: 'ERR_NO_ADDRESSES' } }]
  })
  const other = await clientNode(world)
  // Each is said to be behind the other: nobody is to go round in circles.
  other.peers.addAddresses(relay.peerId, [multiaddr(`/p2p/${target.peerId}/p2p-circuit`)])
  other.peers.addAddresses(target.peerId, [multiaddr(`/p2p/${relay.peerId}/p2p-circuit`)])
  await expect(other.dial(target.peerId)).rejects.toMatchObject({ attempts: [{ cause: { code: 'ERR_NO_ADDRESSES' } }] })
  other.peers.addAddresses(relay.peerId, relay.multiaddrs())
  const connection = await other.dial(target.peerId, { force: true })
  expect(connection.remotePeer.equals(target.peerId)).toBe(true)
})

test('nobody dials through itself or to itself', async () => {
  const world = memoryWorld()
  const { relay, target } = await trio(world)
  const refused = { attempts: [{ code: 'ERR_NO_TRANSPORT' }] }
  const someone = await clientNode(world)
  await expect(target.dial(`/memory/x/p2p/${target.peerId}/p2p-circuit/p2p/${someone.peerId}`)).rejects.toMatchObject(
    refused
  )
  target.peers.addAddresses(someone.peerId, [multiaddr(`/p2p/${target.peerId}/p2p-circuit`)])
  await expect(target.dial(someone.peerId)).rejects.toMatchObject(refused)
  await expect(target.dial(`${at(relay)}/p2p/${target.peerId}`)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
})

test('dials through relays do not wait for each other’s slots', async () => {
  const world = memoryWorld()
  const { target } = await trio(world)
  const source = await clientNode(world, { parallel: 1 })
  const connection = await source.dial(target.multiaddrs(), { timeoutMs: 5000 })
  expect(connection.transport).toBe('circuit-relay')
})

test('dials through one relay share the connection to it', async () => {
  const world = memoryWorld()
  const relay = await relayNode(world)
  const targets = await Promise.all([1, 2, 3, 4].map(() => clientNode(world, { listen: [at(relay)] })))
  await Promise.all(targets.map((target) => reserved(target)))
  const source = await clientNode(world)
  await Promise.all(targets.map((target) => source.dial(target.multiaddrs())))
  expect(source.connections.list(relay.peerId)).toHaveLength(1)
})

test('the application decides who may reserve and who may be connected', async () => {
  const world = memoryWorld()
  const denied = new Set<string>()
  const relay = await relayNode(world, {
    allowReserve: (peer) => !denied.has(peer),
    allowConnect: (source) => !denied.has(source)
  })
  const target = await clientNode(world, { listen: [at(relay)] })
  await reserved(target)
  const source = await clientNode(world)
  denied.add(source.peerId.toString())
  expect(await statusOf(source.dial(target.multiaddrs()))).toBe(status.permissionDenied)
  denied.clear()
  await source.dial(target.multiaddrs())
})

test('limits that cannot be told are refused at once', async () => {
  const { circuitRelayServer } = await import('@peerloom/circuit-relay')
  for (const limits of [{ durationMs: 500 }, { durationMs: -1 }, { bytes: 1.5 }, { bytes: Number.NaN }]) {
    expect(() => circuitRelayServer({ limits })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }))
  }
})
