import {
  type CircuitRelayServerOptions,
  hopCodec,
  type HopMessage,
  relayStatus as status,
  stopCodec
} from '@peerloom/circuit-relay'
import { lengthPrefix } from '@peerloom/bounded'
import { ManualClock, seededRandom, settle, until } from '@peerloom/conformance'
import type { Connection, PeerRouting, Stream } from '@peerloom/interface'
import { protobuf } from '@peerloom/streams'
import { expect, test } from 'vitest'
import {
  at,
  type ClientNode,
  clientNode,
  hopProtocol,
  memoryWorld,
  relayBehind,
  relayedAddresses,
  type RelayNode,
  relayNode,
  reserved,
  stopProtocol,
  trio,
  type World
} from './nodes.ts'

const mebibyte = 1024 * 1024

/** Says something to a relay, and gives its answer. */
async function ask(connection: Connection, message: HopMessage): Promise<HopMessage | undefined> {
  const stream = await connection.openStream(hopProtocol, { allowLimited: true })
  const messages = protobuf(stream, hopCodec)
  await messages.write(message)
  const answer = await messages.read()
  await stream.close()
  return answer
}

/** A relay whose node a client is connected to. */
async function connected(world: World, options: CircuitRelayServerOptions = {}) {
  const relay = await relayNode(world, options)
  const client = await clientNode(world)
  const connection = await client.dial(relay.multiaddrs())
  return { relay, client, connection }
}

const circuits = (relay: RelayNode): number => relay.services.relay.inspect().circuits.length

/** A target that takes reservations but serves circuits its own way. */
async function oddTarget(world: World, relay: RelayNode, serve: (stream: Stream) => unknown): Promise<ClientNode> {
  const target = await clientNode(world)
  const connection = await target.dial(relay.multiaddrs())
  await target.handle(stopProtocol, (stream) => void serve(stream))
  expect(await ask(connection, { type: 'RESERVE' })).toMatchObject({ status: status.ok })
  return target
}

test.each([{}, { limits: false }] as const)('nothing is relayed over a relay: %j', async (options) => {
  const world = memoryWorld()
  const first = await relayNode(world, options)
  const second = await relayBehind(world, first)
  await until('the second relay has a reservation', () => second.multiaddrs().length === 1)
  const target = await clientNode(world, { listen: ['/p2p-circuit'], relay: { relays: 3 } })
  const connection = await target.dial(second.multiaddrs())
  expect(connection.transport).toBe('circuit-relay')
  expect(await ask(connection, { type: 'RESERVE' })).toMatchObject({ status: status.permissionDenied })
  const { bytes: peer } = first.peerId
  expect(await ask(connection, { type: 'CONNECT', peer })).toMatchObject({ status: status.permissionDenied })
  // Nor is it asked for: the first relay is one to listen at, the second is not.
  await until('the second is known', () => target.peers.get(second.peerId)?.protocols.includes(hopProtocol) === true)
  await reserved(target)
  expect(relayedAddresses(target)).toEqual([at(first)])
  expect(second.services.relay.inspect().reservations).toBe(0)
})

test('a peer that reserves without end is refused, and keeps what it has', async () => {
  const { relay, connection } = await connected(memoryWorld(), { reservationsPerPeer: { burst: 5, perMinute: 1 } })
  const answers: (number | undefined)[] = []
  for (let round = 0; round < 50; round++) answers.push((await ask(connection, { type: 'RESERVE' }))?.status)
  expect(answers.filter((code) => code === status.ok)).toHaveLength(5)
  expect(new Set(answers.slice(5))).toEqual(new Set([status.reservationRefused]))
  expect(relay.services.relay.inspect().reservations).toBe(1)
})

test('a flood of CONNECT is cut off, and leaves nothing behind', async () => {
  const world = memoryWorld()
  const { relay, target, source } = await trio(world, {
    circuitsPerPeer: { burst: 20, perMinute: 1 },
    maxCircuitsPerPeer: 4
  })
  const connection = await source.dial(relay.multiaddrs())
  const streams = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const stream = await connection.openStream(hopProtocol)
      stream.send(lengthPrefix(hopCodec.encode({ type: 'CONNECT', peer: target.peerId.bytes })))
      return stream
    })
  )
  await until('it is counted', () => {
    const { refused } = relay.services.relay.inspect()
    return circuits(relay) === 4 && (refused['resource limit exceeded'] ?? 0) > 0
  })
  // Hop streams beyond what a peer may have are reset without a look.
  await until('the others are over', () => relay.inspect().counts.inboundStreams < 40)
  expect(circuits(relay)).toBe(4)
  for (const stream of streams) stream.abort(new Error('enough'))
  await until('nothing is left', () => circuits(relay) === 0)
  await until('the target is rid of them', () => target.inspect().counts.inboundStreams === 0)
})

test('a target that never answers costs a bounded time, and is no circuit', async () => {
  const clock = new ManualClock()
  const world = memoryWorld(clock)
  const relay = await relayNode(world, { connectTimeoutMs: 5000, maxCircuitsPerPeer: 3 })
  const waiting: Stream[] = []
  const target = await oddTarget(world, relay, (stream) => waiting.push(stream))
  const source = await clientNode(world)
  const connection = await source.dial(relay.multiaddrs())
  const answers = [1, 2, 3].map(() => ask(connection, { type: 'CONNECT', peer: target.peerId.bytes }))
  await until('all have come to the target', () => waiting.length === 3)
  // What is being made counts.
  expect(await ask(connection, { type: 'CONNECT', peer: target.peerId.bytes })).toMatchObject({
    status: status.resourceLimitExceeded
  })
  await clock.advance(5000)
  for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ status: status.connectionFailed })
  await until('the target is told', () => waiting.every((stream) => stream.status === 'reset'))
  expect(circuits(relay)).toBe(0)
})

test.each([
  ['refuses', lengthPrefix(stopCodec.encode({ type: 'STATUS', status: 203 }))],
  ['answers with something else', lengthPrefix(stopCodec.encode({ type: 'CONNECT' }))],
  ['answers without a status', lengthPrefix(stopCodec.encode({ type: 'STATUS' }))],
  ['answers with garbage', lengthPrefix(Uint8Array.of(255, 255, 255))],
  ['answers with too much', lengthPrefix(new Uint8Array(5000))],
  ['ends at once', new Uint8Array(0)]
])('a target that %s makes no circuit', async (_what, answer) => {
  const world = memoryWorld()
  const relay = await relayNode(world)
  const target = await oddTarget(world, relay, (stream) => stream.sink([answer]).catch(() => {}))
  const source = await clientNode(world)
  const connection = await source.dial(relay.multiaddrs())
  expect(await ask(connection, { type: 'CONNECT', peer: target.peerId.bytes })).toMatchObject({
    status: status.connectionFailed
  })
  expect(circuits(relay)).toBe(0)
})

test('half a message is not waited for without end', async () => {
  const clock = new ManualClock()
  const { relay, connection } = await connected(memoryWorld(clock), { messageTimeoutMs: 3000 })
  const stream = await connection.openStream(hopProtocol)
  stream.send(Uint8Array.of(50, 8, 1))
  await until('it is served', () => relay.inspect().counts.inboundStreams === 1)
  await clock.advance(3000)
  await until('it is reset', () => stream.status === 'reset')
  expect(connection.status).toBe('open')
})

test('nor is half a message of a relay', async () => {
  const clock = new ManualClock()
  const { relay, target } = await trio(memoryWorld(clock))
  const back = relay.connections.list(target.peerId)[0] as Connection
  const stream = await back.openStream(stopProtocol)
  stream.send(Uint8Array.of(50, 8, 1))
  await until('it is served', () => target.inspect().counts.inboundStreams === 1)
  await clock.advance(10_000)
  await until('it is reset', () => stream.status === 'reset')
})

test('a relay that never answers CONNECT, or is called off, fails the dial', async () => {
  const clock = new ManualClock()
  const world = memoryWorld(clock)
  const mute = await clientNode(world, { listen: ['/memory/0'] })
  const asked: Stream[] = []
  await mute.handle(hopProtocol, (stream) => void asked.push(stream))
  const source = await clientNode(world, { relay: { connectTimeoutMs: 3000 } })
  const address = `${mute.multiaddrs()[0]}/p2p-circuit/p2p/${(await clientNode(world)).peerId}`
  const late = expect(source.dial(address)).rejects.toMatchObject({ attempts: [{ code: 'ERR_TIMEOUT' }] })
  await until('it is asked', () => asked.length === 1)
  await clock.advance(3000)
  await late
  const abort = new AbortController()
  const off = expect(source.dial(address, { signal: abort.signal })).rejects.toThrow('enough')
  await until('it is asked again', () => asked.length === 2)
  abort.abort(new Error('enough'))
  await off
  await until('both streams are over', () => asked.every((stream) => stream.status === 'reset'))
})

test('looking for a relay nobody finds ends in time', async () => {
  const clock = new ManualClock()
  const world = memoryWorld(clock)
  let looked = false
  const routing: PeerRouting = {
    findPeer: () => {
      looked = true
      return new Promise(() => {})
    },
    async *closestPeers() {}
  }
  const node = await clientNode(world, { routing, relay: { dialTimeoutMs: 2000 } })
  const [relay, peer] = [await clientNode(world), await clientNode(world)]
  const dialling = node.dial(`/p2p/${relay.peerId}/p2p-circuit/p2p/${peer.peerId}`)
  const failed = expect(dialling).rejects.toMatchObject({ attempts: [{ code: 'ERR_NO_ADDRESSES' }] })
  await until('it is looked for', () => looked)
  await clock.advance(2000)
  await failed
})

test('messages over 4 KiB, and others that make no sense, end their stream and nothing else', async () => {
  const { relay, connection } = await connected(memoryWorld())
  const large = await connection.openStream(hopProtocol)
  large.send(lengthPrefix(new Uint8Array(4097)))
  await until('it is reset', () => large.status === 'reset')
  expect(await ask(connection, { type: 'STATUS', status: 100 })).toMatchObject({ status: status.unexpectedMessage })
  expect(await ask(connection, { type: 'CONNECT' })).toMatchObject({ status: status.malformedMessage })
  expect(await ask(connection, { type: 'CONNECT', peer: new Uint8Array(3000) })).toMatchObject({
    status: status.malformedMessage
  })
  const garbage = await connection.openStream(hopProtocol)
  garbage.send(lengthPrefix(Uint8Array.of(8, 77)))
  expect(await protobuf(garbage, hopCodec).read()).toMatchObject({ status: status.malformedMessage })
  expect(connection.status).toBe('open')
  expect(await ask(connection, { type: 'RESERVE' })).toMatchObject({ status: status.ok })
  expect(relay.services.relay.inspect().reservations).toBe(1)
})

test('garbage on hop and stop streams never ends more than the stream', async () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  const random = seededRandom(seed)
  const { relay, target, source } = await trio(memoryWorld(), { messageTimeoutMs: 200 })
  const toRelay = await source.dial(relay.multiaddrs())
  const toTarget = relay.connections.list(target.peerId)[0] as Connection
  for (let round = 0; round < 300; round++) {
    const connection = random(2) === 0 ? toRelay : toTarget
    const stream = await connection.openStream(connection === toRelay ? hopProtocol : stopProtocol)
    const bytes = new Uint8Array(random(200)).map(() => random(256))
    try {
      stream.send(random(2) === 0 ? lengthPrefix(bytes) : bytes)
      stream.pause()
      if (random(2) === 0) stream.abort(new Error('enough'))
      else await stream.close()
    } catch {
      // It was reset meanwhile.
    }
    await settle(2)
  }
  await until(`nothing is left, seed ${seed}`, () => relay.inspect().counts.inboundStreams === 0)
  expect([toRelay.status, toTarget.status]).toEqual(['open', 'open'])
  const connection = await source.dial(target.multiaddrs())
  expect(connection.remotePeer.equals(target.peerId)).toBe(true)
})

test('a circuit from somebody who is no relay of ours is not taken', async () => {
  const world = memoryWorld()
  const { target } = await trio(world)
  const listening = await clientNode(world, { listen: ['/memory/direct'] })
  const stranger = await clientNode(world)
  // The target has a connection to the stranger, but no reservation there.
  const connection = await target.dial(listening.multiaddrs())
  await until('the stranger has it', () => listening.connections.list(target.peerId).length === 1)
  const back = listening.connections.list(target.peerId)[0] as Connection
  const stream = await back.openStream(stopProtocol)
  const messages = protobuf(stream, stopCodec)
  await messages.write({ type: 'CONNECT', peer: stranger.peerId.bytes })
  expect(await messages.read()).toEqual({ type: 'STATUS', status: status.permissionDenied })
  expect(connection.status).toBe('open')
})

test('a relay that brings circuits without end is held to its number', async () => {
  const world = memoryWorld()
  const relay = await relayNode(world)
  const target = await clientNode(world, { listen: [at(relay)], relay: { maxCircuitsPerRelay: 5 } })
  await reserved(target)
  const back = relay.connections.list(target.peerId)[0] as Connection
  const streams: Stream[] = []
  for (let round = 0; round < 50; round++) {
    const stream = await back.openStream(stopProtocol)
    stream.send(lengthPrefix(stopCodec.encode({ type: 'CONNECT', peer: relay.peerId.bytes })))
    streams.push(stream)
  }
  await until('the others are reset', () => streams.filter(({ status }) => status === 'reset').length === 45)
  expect(target.inspect().counts.inboundStreams).toBe(5)
})

test('a relay that is killed in the middle of a transfer ends it with a typed error at both ends', async () => {
  const { relay, target, source } = await trio(memoryWorld(), { limits: false })
  let inbound: Stream | undefined
  await target.handle('/sink/1', (stream) => {
    inbound = stream
    stream.attach({ data: () => {}, end: () => {}, closed: () => {} })
  })
  const connection = await source.dial(target.multiaddrs())
  const stream = await connection.openStream('/sink/1')
  const pouring = (async () => {
    for (;;) await stream.write(new Uint8Array(65_536))
  })()
  const failure = expect(pouring).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
  await until('some of it has passed', () => (relay.services.relay.inspect().circuits[0]?.bytes[0] ?? 0) > mebibyte)
  for (const one of relay.connections.list()) one.abort(new Error('killed'))
  await failure
  await until('both ends know', () => connection.status === 'closed' && inbound?.status === 'reset')
  expect(inbound?.error).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
  expect(circuits(relay)).toBe(0)
})

test('the data limit holds for whole connections, and both ends hear of it', async () => {
  const limit = 64 * 1024
  const { relay, target, source } = await trio(memoryWorld(), { limits: { bytes: limit } })
  let got = 0
  let inbound: Stream | undefined
  await target.handle(
    '/sink/1',
    (stream) => {
      inbound = stream
      stream.attach({ data: (bytes) => void (got += bytes.length), end: () => {}, closed: () => {} })
    },
    { allowLimited: true }
  )
  const connection = await source.dial(target.multiaddrs())
  const stream = await connection.openStream('/sink/1', { allowLimited: true })
  stream.send(new Uint8Array(50 * 1024))
  await until('what is under the limit has come', () => got === 50 * 1024)
  stream.send(new Uint8Array(50 * 1024))
  await until('the source knows', () => connection.status === 'closed')
  await until('the target knows', () => inbound?.status === 'reset')
  expect(stream.error).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
  expect(got).toBeLessThan(limit)
  const back = relay.services.relay.inspect()
  expect(back.circuits).toEqual([])
  expect(back.bytesRelayed).toBeGreaterThan(limit)
})

test('a connection over a relay lasts as long as it says', async () => {
  const clock = new ManualClock()
  const { target, source } = await trio(memoryWorld(clock), { limits: { durationMs: 10_000 } })
  const connection = await source.dial(target.multiaddrs())
  expect(connection.limits?.durationMs).toBe(10_000)
  await clock.advance(9000)
  expect(connection.status).toBe('open')
  await clock.advance(1000)
  await until('it is over', () => connection.status === 'closed')
})

test('the memory of a relay stays flat while a reader takes nothing', async () => {
  const { relay, target, source } = await trio(memoryWorld(), { limits: false })
  await target.handle('/deaf/1', (stream) => stream.pause())
  const connection = await source.dial(target.multiaddrs())
  const stream = await connection.openStream('/deaf/1')
  let offered = 0
  const chunk = new Uint8Array(256 * 1024)
  for (let waits = 0; waits < 5 && offered < 1024 * mebibyte;) {
    if (stream.writable) {
      stream.send(chunk)
      offered += chunk.length
      await new Promise((resolve) => setImmediate(resolve))
    } else {
      waits++
      await Promise.race([stream.drained(), new Promise((resolve) => setTimeout(resolve, 100))])
    }
  }
  expect(offered).toBeLessThan(64 * mebibyte)
  const waiting = relay.inspect().connections.flatMap(({ streams }) => streams.map(({ queuedBytes }) => queuedBytes))
  expect(Math.max(...waiting)).toBeLessThan(mebibyte)
  expect(relay.inspect().limits.system.memory).toBeLessThan(64 * mebibyte)
  stream.abort(new Error('the test is over'))
})

test('when everybody has left, a relay keeps nothing of them', async () => {
  const world = memoryWorld()
  const { relay, target, source } = await trio(world)
  await source.dial(target.multiaddrs())
  await until('the circuit is there', () => circuits(relay) === 1)
  await Promise.all([source.stop(), target.stop()])
  await until('they are gone', () => relay.connections.list().length === 0)
  await until('nothing is left', () => circuits(relay) === 0)
  expect(relay.services.relay.inspect()).toMatchObject({ reservations: 0, circuits: [] })
  expect(relay.inspect().counts).toMatchObject({ connections: 0, inboundStreams: 0 })
})

test('a relay that stops ends its circuits and leaves no timer', async () => {
  const clock = new ManualClock()
  const { relay, target, source } = await trio(memoryWorld(clock))
  const connection = await source.dial(target.multiaddrs())
  await relay.stop()
  await until('the circuit is over', () => connection.status === 'closed')
  await Promise.all([target.stop(), source.stop()])
  expect(clock.pending).toBe(0)
})
