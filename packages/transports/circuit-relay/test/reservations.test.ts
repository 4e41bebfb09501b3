import type { CircuitRelaySnapshot } from '@peerloom/circuit-relay'
import { ManualClock, settle, until } from '@peerloom/conformance'
import type { Stream } from '@peerloom/interface'
import { expect, test } from 'vitest'
import {
  at,
  type ClientNode,
  clientNode,
  hopProtocol,
  memoryWorld,
  relayedAddresses,
  relayNode,
  reserved
} from './nodes.ts'

const hour = 3_600_000

const relaysOf = (node: ClientNode): CircuitRelaySnapshot['relays'] =>
  (node.inspect().transports['circuit-relay'] as CircuitRelaySnapshot).relays

const heldAt = (node: ClientNode): string[] =>
  relaysOf(node)
    .filter(({ status }) => status === 'held')
    .map(({ relay }) => relay)

/** Lets virtual time go by until a condition holds; gives how much it took. */
async function within(clock: ManualClock, what: string, condition: () => boolean, boundMs: number): Promise<number> {
  const started = clock.now()
  while (!condition()) {
    // Signatures are made outside of virtual time.
    for (let turn = 0; turn < 20 && !condition(); turn++) await settle(2)
    if (condition()) break
    if (clock.now() - started >= boundMs) throw new Error(`not within ${boundMs} ms: ${what}`)
    await clock.advance(100)
  }
  return clock.now() - started
}

test('a reservation is renewed before its end, over and over', async () => {
  const clock = new ManualClock()
  const world = memoryWorld(clock)
  const relay = await relayNode(world)
  const node = await clientNode(world, { listen: [at(relay)] })
  await reserved(node)
  let before = relaysOf(node)[0]?.expiresAt as number
  const told: unknown[] = []
  node.events.on('addresses', (list) => told.push(list))
  for (let round = 0; round < 3; round++) {
    await clock.advance(hour * 0.8)
    await until('it is renewed', () => (relaysOf(node)[0]?.expiresAt ?? 0) > before)
    before = relaysOf(node)[0]?.expiresAt as number
    expect(relay.services.relay.inspect().reservations).toBe(1)
  }
  // The addresses were there all the time.
  expect(told).toHaveLength(1)
  expect(relayedAddresses(node)).toHaveLength(1)
})

test('a reservation that is not renewed ends at both ends', async () => {
  const clock = new ManualClock()
  const world = memoryWorld(clock)
  let allow = true
  const relay = await relayNode(world, { allowReserve: () => allow })
  const node = await clientNode(world, { listen: [at(relay)] })
  await reserved(node)
  allow = false
  await clock.advance(hour * 0.8)
  await until('the refusal has come', () => relayedAddresses(node).length === 0)
  expect(relay.services.relay.inspect().reservations).toBe(1)
  await clock.advance(hour * 0.2)
  expect(relay.services.relay.inspect().reservations).toBe(0)
})

test('when a relay is lost, another one has the reservation within 5 s', async () => {
  const clock = new ManualClock()
  const world = memoryWorld(clock)
  const relays = await Promise.all([relayNode(world), relayNode(world), relayNode(world)])
  const node = await clientNode(world, { listen: ['/p2p-circuit'], relay: { relays: 1 } })
  for (const relay of relays) await node.dial(relay.multiaddrs())
  await reserved(node)
  for (const left of [2, 1]) {
    const [held] = heldAt(node)
    const relay = relays.find(({ peerId }) => peerId.toString() === held)
    await relay?.stop()
    const took = await within(clock, 'another relay', () => heldAt(node).length === 1 && heldAt(node)[0] !== held, 5000)
    expect(took).toBeLessThanOrEqual(5000)
    expect(relayedAddresses(node)).toHaveLength(1)
    expect(node.connections.list()).toHaveLength(left)
  }
})

test('also when the next one refuses, and the one after that never answers', async () => {
  const clock = new ManualClock()
  const world = memoryWorld(clock)
  const [first, last] = [await relayNode(world), await relayNode(world)]
  const mute = await clientNode(world, { listen: ['/memory/mute'] })
  const held: Stream[] = []
  await mute.handle(hopProtocol, (stream) => void held.push(stream))
  const refusing = await relayNode(world, { allowReserve: () => false })
  const node = await clientNode(world, { listen: ['/p2p-circuit'], relay: { relays: 1 } })
  await node.dial(first.multiaddrs())
  await reserved(node)
  for (const other of [refusing, mute]) await node.dial(other.multiaddrs())
  await until('all are known', () => relaysOf(node).length === 3)
  await first.stop()
  await within(clock, 'both were asked', () => held.length > 0, 60_000)
  // Whichever was asked first, the one that is mute is given up in time for another one.
  await node.dial(last.multiaddrs())
  await until('the last is known', () => relaysOf(node).some(({ relay }) => relay === last.peerId.toString()))
  await within(clock, 'the last relay', () => heldAt(node)[0] === last.peerId.toString(), 5000)
})

test('a named relay that restarts is reserved at again', async () => {
  const clock = new ManualClock()
  const world = memoryWorld(clock)
  const relay = await relayNode(world, {}, '/memory/named')
  const node = await clientNode(world, { listen: [at(relay)] })
  await reserved(node)
  await clock.advance(120_000)
  await relay.stop()
  await until('the addresses are gone', () => relayedAddresses(node).length === 0)
  await relay.start()
  await within(clock, 'the reservation', () => relayedAddresses(node).length === 1, 5000)
})

test('what a relay says of a reservation is checked', async () => {
  const { hopCodec, sealVoucher } = await import('@peerloom/circuit-relay')
  const { generateKey, peerIdFromPrivateKey } = await import('@peerloom/identity')
  const { lengthPrefix } = await import('@peerloom/bounded')
  const key = await generateKey()
  const stranger = peerIdFromPrivateKey(key)
  const soon = BigInt(Math.floor(Date.now() / 1000) + 3600)
  const foreign = await sealVoucher(key, { relay: stranger, peer: stranger, expiration: soon })
  const answers = {
    'no status': hopCodec.encode({ type: 'CONNECT' }),
    'no reservation': hopCodec.encode({ type: 'STATUS', status: 100 }),
    'one that is over': hopCodec.encode({ type: 'STATUS', status: 100, reservation: { expire: 1n, addresses: [] } }),
    'a voucher of another relay': hopCodec.encode({
      type: 'STATUS',
      status: 100,
      reservation: { expire: soon, addresses: [], voucher: foreign }
    }),
    garbage: Uint8Array.of(255, 255, 255, 255)
  }
  const world = memoryWorld()
  for (const [what, answer] of Object.entries(answers)) {
    const liar = await clientNode(world, { listen: ['/memory/0'] })
    await liar.handle(hopProtocol, (stream) => stream.sink([lengthPrefix(answer)]).catch(() => {}))
    const node = await clientNode(world, { listen: [`${liar.multiaddrs()[0]}/p2p-circuit`] })
    await until(`${what} is refused`, () => (relaysOf(node)[0]?.failures ?? 0) > 0)
    expect(relayedAddresses(node)).toEqual([])
  }
})

test('an expiry in a far future is not believed, and of the addresses only those that lead to the relay', async () => {
  const { hopCodec } = await import('@peerloom/circuit-relay')
  const { multiaddr } = await import('@multiformats/multiaddr')
  const { lengthPrefix } = await import('@peerloom/bounded')
  const world = memoryWorld()
  const odd = await clientNode(world, { listen: ['/memory/odd'] })
  const self = odd.peerId.toString()
  const addresses = [
    `/ip4/1.2.3.4/tcp/1/p2p/${self}`,
    '/ip4/1.2.3.5/tcp/1',
    '/ip4/1.2.3.6/tcp/1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC',
    `/ip4/1.2.3.7/tcp/1/p2p/${self}/p2p-circuit/p2p/${self}`,
    `/ip4/10.0.0.1/tcp/1/p2p/${self}`
  ].map((address) => multiaddr(address).bytes)
  const reservation = { expire: 2n ** 64n - 1n, addresses: [...addresses, Uint8Array.of(1, 2, 3)] }
  await odd.handle(hopProtocol, (stream) =>
    stream.sink([lengthPrefix(hopCodec.encode({ type: 'STATUS', status: 100, reservation }))])
  )
  const node = await clientNode(world, { listen: [`${odd.multiaddrs()[0]}/p2p-circuit`] })
  await reserved(node)
  // A public one that it has is worth more than the way we came.
  expect(relayedAddresses(node)).toEqual([`/ip4/1.2.3.4/tcp/1/p2p/${self}/p2p-circuit`])
  expect((relaysOf(node)[0]?.expiresAt as number) - Date.now()).toBeLessThanOrEqual(24 * hour)
})
