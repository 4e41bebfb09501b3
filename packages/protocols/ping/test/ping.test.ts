import { ManualClock, settle, until } from '@peerloom/conformance'
import { byteReader } from '@peerloom/streams'
import { expect, test } from 'vitest'
import { answerWith, pingPair } from './nodes.ts'

test('a ping measures a round trip, and closes its stream', async () => {
  const { near, far } = await pingPair()
  const rttMs = await near.services.ping.ping(far.peerId)
  expect(rttMs).toBeGreaterThan(0)
  expect(rttMs).toBeLessThan(5000)
  await until('no stream is left', () => far.inspect().counts.inboundStreams === 0)
})

test('pings go over one stream, as many as were asked for', async () => {
  const { near, far } = await pingPair()
  const times: number[] = []
  for await (const rttMs of near.services.ping.pings(far.peerId, { count: 5, intervalMs: 0 })) {
    times.push(rttMs)
    expect(far.inspect().counts.inboundStreams).toBe(1)
  }
  expect(times).toHaveLength(5)
  await until('no stream is left', () => far.inspect().counts.inboundStreams === 0)
})

test('leaving the loop ends the pings', async () => {
  const { near, far } = await pingPair()
  for await (const rttMs of near.services.ping.pings(far.peerId, { intervalMs: 0 })) {
    expect(rttMs).toBeGreaterThan(0)
    break
  }
  await until('no stream is left', () => far.inspect().counts.inboundStreams === 0)
})

test.each([
  ['another byte', (bytes: Uint8Array) => bytes.map((byte, at) => (at === 31 ? byte ^ 1 : byte))],
  ['more than was sent', (bytes: Uint8Array) => new Uint8Array([...bytes, 0])]
])('an answer with %s is a violation', async (_, change) => {
  const { near, far } = await pingPair()
  await answerWith(far, (stream) => {
    stream.attach({ data: (bytes) => void stream.send(change(bytes)), end: () => {}, closed: () => {} })
  })
  await expect(near.services.ping.ping(far.peerId)).rejects.toMatchObject({
    code: 'ERR_PROTOCOL_VIOLATION',
    remote: true
  })
  await until('no stream is left', () => far.inspect().counts.inboundStreams === 0)
})

test('an answer that nobody asked for is a violation', async () => {
  const { near, far } = await pingPair()
  let send: (() => void) | undefined
  await answerWith(far, (stream) => {
    stream.attach({ data: (bytes) => void stream.send(bytes), end: () => {}, closed: () => {} })
    send = () => void stream.send(new Uint8Array(32))
  })
  const pings = near.services.ping.pings(far.peerId, { intervalMs: 100 })[Symbol.asyncIterator]()
  await pings.next()
  send?.()
  await expect(pings.next()).rejects.toMatchObject({ code: 'ERR_PROTOCOL_VIOLATION' })
})

test('an answer in pieces is an answer', async () => {
  const { near, far } = await pingPair()
  await answerWith(far, async (stream) => {
    const bytes = await byteReader(stream).read(32)
    for (const byte of bytes) {
      stream.send(Uint8Array.of(byte))
      await settle(1)
    }
  })
  expect(await near.services.ping.ping(far.peerId)).toBeGreaterThan(0)
})

test.each([
  ['says nothing', () => {}],
  ['says a part of it', (stream: { send(bytes: Uint8Array): boolean }) => void stream.send(new Uint8Array(0))]
])('a peer that %s is given up in time', async (_, answer) => {
  const clock = new ManualClock()
  const { near, far } = await pingPair({ timeoutMs: 4000 }, clock)
  await answerWith(far, answer)
  const failed = expect(near.services.ping.ping(far.peerId)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  await until('the ping is under way', () => far.inspect().counts.inboundStreams === 1)
  await clock.advance(3999)
  expect(near.connections.list()[0]?.streams).toHaveLength(1)
  await clock.advance(1)
  await failed
  expect(near.connections.list()[0]?.status).toBe('open')
})

test('a peer that ends the stream, resets it or does not know it fails the ping at once', async () => {
  const { near, far } = await pingPair()
  await answerWith(far, (stream) => void stream.close())
  await expect(near.services.ping.ping(far.peerId)).rejects.toMatchObject({ code: 'ERR_UNEXPECTED_END' })
  await answerWith(far, (stream) => stream.abort(new Error('no')))
  await expect(near.services.ping.ping(far.peerId)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET' })
  await far.unhandle('/ipfs/ping/1.0.0')
  await expect(near.services.ping.ping(far.peerId)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED_PROTOCOL' })
  await far.handle('/ipfs/ping/1.0.0', () => {}) // for stop() to take back
})

test('a stream that ends between two pings fails the next one at once', async () => {
  const clock = new ManualClock()
  const { near, far } = await pingPair({}, clock)
  let end: (() => void) | undefined
  await answerWith(far, (stream) => {
    stream.attach({ data: (bytes) => void stream.send(bytes), end: () => {}, closed: () => {} })
    end = () => void stream.closeWrite()
  })
  const pings = near.services.ping.pings(far.peerId)[Symbol.asyncIterator]()
  await pings.next()
  const failed = expect(pings.next()).rejects.toMatchObject({ code: 'ERR_UNEXPECTED_END' })
  end?.()
  await settle(20)
  await clock.advance(1000)
  await failed
})

test('an abort ends a ping and the pause between two', async () => {
  const { near, far } = await pingPair()
  const pausing = new AbortController()
  const pings = near.services.ping.pings(far.peerId, { signal: pausing.signal })[Symbol.asyncIterator]()
  await pings.next()
  const paused = pings.next()
  pausing.abort(new Error('enough'))
  await expect(paused).rejects.toThrow('enough')
  await answerWith(far, () => {})
  const waiting = new AbortController()
  const ping = near.services.ping.ping(far.peerId, waiting)
  const failed = expect(ping).rejects.toThrow('enough')
  await settle()
  waiting.abort(new Error('enough'))
  await failed
  await expect(near.services.ping.ping(far.peerId, waiting)).rejects.toThrow('enough')
  await until('no stream is left', () => near.connections.list()[0]?.streams.length === 0)
})

test('a peer may hold no more ping streams than the bound', async () => {
  const { near, far } = await pingPair({ maxInboundStreams: 2 })
  const connection = await near.dial(far.peerId)
  const streams = await Promise.all([1, 2, 3].map(() => connection.openStream('/ipfs/ping/1.0.0')))
  for (const stream of streams) stream.send(new Uint8Array(32))
  const answers = await Promise.allSettled(streams.map((stream) => byteReader(stream).read(32)))
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
  expect(far.inspect().counts.inboundStreams).toBe(2)
})

test('a remote that sends pings and reads no answers is held back', async () => {
  const { near, far } = await pingPair()
  const stream = await near.openStream(far.peerId, '/ipfs/ping/1.0.0')
  let sent = 0
  for (let turn = 0; turn < 100; turn++) {
    while (stream.writable && sent < 64 * 1024 * 1024) {
      stream.send(new Uint8Array(32 * 1024))
      sent += 32 * 1024
    }
    await settle()
  }
  expect(sent).toBeLessThan(4 * 1024 * 1024)
  expect(far.connections.list()[0]?.streams[0]?.queuedBytes).toBeLessThan(1024 * 1024)
  stream.abort(new Error('over'))
})

test('pings to one peer that come together share a stream, and each has its answer', async () => {
  const { near, far } = await pingPair({ maxInboundStreams: 1 })
  const { ping } = near.services
  const connection = await near.dial(far.peerId)
  const abort = new AbortController()
  const hasty = ping.ping(connection, abort)
  const failed = expect(hasty).rejects.toThrow('enough')
  const others = [1, 2, 3].map(() => ping.ping(far.peerId))
  const series = ping.pings(connection, { count: 3, intervalMs: 0 })
  abort.abort(new Error('enough'))
  for await (const rttMs of series) {
    expect(rttMs).toBeGreaterThan(0)
    expect(connection.streams).toHaveLength(1)
    await ping.ping(far.peerId)
  }
  for (const rttMs of await Promise.all(others)) expect(rttMs).toBeGreaterThan(0)
  await failed
  await until('no stream is left', () => far.inspect().counts.inboundStreams === 0)
})

test('who gives up while others wait takes nothing from them', async () => {
  const { near, far } = await pingPair()
  let answer: (() => void) | undefined
  await answerWith(far, (stream) => {
    stream.pause()
    stream.attach({ data: (bytes) => void stream.send(bytes), end: () => void stream.close(), closed: () => {} })
    stream.pause()
    answer = () => stream.resume()
  })
  const abort = new AbortController()
  const patient = near.services.ping.ping(far.peerId)
  const hasty = expect(near.services.ping.ping(far.peerId, abort)).rejects.toThrow('enough')
  await until('both have asked', () => answer !== undefined)
  abort.abort(new Error('enough'))
  await hasty
  answer?.()
  expect(await patient).toBeGreaterThan(0)
  await until('no stream is left', () => far.inspect().counts.inboundStreams === 0)
})

test('a stream that is lost fails all who ping over it, and the next ping has a new one', async () => {
  const { near, far } = await pingPair()
  let lose: (() => void) | undefined
  await answerWith(far, (stream) => {
    lose = () => stream.abort(new Error('lost'))
  })
  const pings = [1, 2, 3].map(() => near.services.ping.ping(far.peerId))
  const failed = Promise.allSettled(pings)
  await until('they have asked', () => lose !== undefined)
  lose?.()
  for (const result of await failed) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'ERR_CHANNEL_RESET' } })
  }
  await answerWith(far, (stream) => stream.sink(stream))
  expect(await near.services.ping.ping(far.peerId)).toBeGreaterThan(0)
})

test('a caller who gives up while the stream is opened leaves nothing behind', async () => {
  const { near, far } = await pingPair()
  const connection = await near.dial(far.peerId)
  const abort = new AbortController()
  const failed = expect(near.services.ping.ping(connection, abort)).rejects.toThrow('enough')
  abort.abort(new Error('enough'))
  await failed
  await until('no stream is left', () => connection.streams.length === 0)
})

test('under a clock of its own, round trips are in its time', async () => {
  const clock = new ManualClock()
  const { near, far } = await pingPair({}, clock)
  let answer: (() => void) | undefined
  await answerWith(far, (stream) => {
    stream.attach({
      data: (bytes) => (answer = () => void stream.send(bytes)),
      end: () => void stream.close(),
      closed: () => {}
    })
  })
  const ping = near.services.ping.ping(far.peerId)
  await until('it was asked', () => answer !== undefined)
  await clock.advance(1234)
  answer?.()
  expect(await ping).toBe(1234)
  await until('no timer is left', () => clock.pending === 0)
})
