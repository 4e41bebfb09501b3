import { expect, test } from 'vitest'
import { ManualClock, settle } from '@peerloom/conformance'
import { type Channel, systemClock } from '@peerloom/interface'
import { channelPair } from '@peerloom/streams'
import type { YamuxFloodLimits } from '@peerloom/yamux'
import {
  ack,
  data,
  fin,
  frame,
  goAway,
  ping,
  readAll,
  rst,
  startPair,
  startRaw,
  startSide,
  syn,
  turns,
  windowUpdate
} from './harness.ts'

const violation = { code: 'ERR_PROTOCOL_VIOLATION', remote: true }
const reader = { data: () => {}, end: () => {}, closed: () => {} }
const few = { burst: 50, ratePerSecond: 1 }

const floods: [keyof YamuxFloodLimits, string, (at: number) => Uint8Array][] = [
  ['ping', 'pings', (at) => frame(ping, syn, 0, at)],
  ['ping', 'pings without a flag', (at) => frame(ping, 0, 0, at)],
  ['idle', 'answers to pings that were not sent', (at) => frame(ping, ack, 0, at)],
  ['idle', 'acknowledgements', () => frame(windowUpdate, ack, 1, 0)],
  ['idle', 'acknowledgements with empty data', () => frame(data, ack, 1, 0)],
  ['idle', 'ends', () => frame(windowUpdate, fin, 1, 0)],
  ['idle', 'ends with empty data', () => frame(data, fin, 1, 0)],
  ['idle', 'updates of a byte', () => frame(windowUpdate, 0, 1, 1)],
  ['idle', 'updates for a stream that is gone', () => frame(windowUpdate, 0, 3, 1 << 20)],
  ['idle', 'good-byes', () => frame(goAway, 0, 0, 0)],
  [
    'reset',
    'streams opened and reset',
    (at) => Buffer.concat([frame(data, syn, 5 + 2 * at, 0), frame(data, rst, 5 + 2 * at, 0)])
  ],
  ['refused', 'streams that are refused', (at) => frame(windowUpdate, syn, 5 + 2 * at, 0)]
]

test.each(floods)('the %s limit bounds %s', async (kind, _name, make) => {
  const clock = new ManualClock()
  const options = { keepAliveMs: 0, maxInboundStreams: kind === 'refused' ? 2 : 200, floodLimits: { [kind]: few } }
  const { side, raw } = startRaw('responder', options, clock, (stream) => stream.attach(reader))
  raw.send(frame(windowUpdate, syn, 3, 0))
  raw.send(frame(windowUpdate, rst, 3, 0))
  raw.send(frame(windowUpdate, syn, 1, 0))
  await turns()
  for (let at = 0; at < 45; at++) raw.send(make(at))
  await turns(100)
  expect(side.muxer.streamCount).toBeGreaterThan(0)
  for (let at = 45; at < 60; at++) raw.send(make(at))
  await turns(100)
  expect(await side.closed).toMatchObject(violation)
  expect(side.muxer.streamCount).toBe(0)
})

test('answers wait for a remote that does not read, up to a bound', async () => {
  const floodLimits = { ping: { burst: 1e6, ratePerSecond: 1e6 } }
  const options = { keepAliveMs: 0, maxControlBytes: 1200, floodLimits }
  const { side, raw } = startRaw('responder', options, new ManualClock())
  for (let at = 0; at < 10_000; at++) raw.send(frame(ping, syn, 0, at))
  await turns(100)
  expect(raw.status).toBe('open')
  // Now it does not read, and what we send fills the line.
  raw.pause()
  const stream = await side.muxer.open()
  raw.send(frame(windowUpdate, ack, 2, 1 << 20))
  await turns()
  while (stream.send(new Uint8Array(64 * 1024)));
  await turns()
  for (let at = 0; at < 100; at++) raw.send(frame(ping, syn, 0, at))
  await turns(100)
  expect(raw.status).toBe('open')
  raw.send(frame(ping, syn, 0, 101))
  expect(await side.closed).toMatchObject({ ...violation, message: /reads none/ })
})

test('bytes for streams that were reset are bounded, with or without a body that comes', async () => {
  const options = { keepAliveMs: 0, floodLimits: { discarded: { burst: 100_000, ratePerSecond: 1 } } }
  for (const flags of [0, rst]) {
    const { side, raw } = startRaw('responder', options, new ManualClock())
    raw.send(frame(windowUpdate, syn, 1, 0))
    raw.send(frame(data, rst, 1, 0))
    raw.send(frame(windowUpdate, syn, 3, 0))
    raw.send(frame(data, flags, 1, 60_000, new Uint8Array(60_000)))
    await turns(20)
    expect(side.muxer.streamCount).toBe(1)
    raw.send(frame(data, flags, 1, 0xffff_ffff))
    await turns(20)
    expect(await side.closed).toMatchObject(violation)
  }
})

test('a remote may send a window update for every frame it gets, as js-libp2p does', async () => {
  const floodLimits = { idle: few }
  const { side, raw, frames } = startRaw('initiator', { keepAliveMs: 0, floodLimits }, new ManualClock())
  const stream = await side.muxer.open()
  let answered = 0
  for (let round = 0; round < 2000; round++) {
    stream.send(new Uint8Array(32))
    await settle(2)
    if (round % 100 !== 99) continue
    const sent = frames().filter((bytes) => bytes.startsWith('0000')).length
    for (; answered < sent; answered++) raw.send(frame(windowUpdate, answered === 0 ? ack : 0, 1, 32))
    await turns(120)
  }
  expect(answered).toBe(2000)
  expect(stream.status).toBe('open')
  side.muxer.abort(new Error('done'))
})

test('a remote that broke the protocol and stays is dropped a moment later', async () => {
  const clock = new ManualClock()
  const { raw, sent } = startRaw('responder', { keepAliveMs: 0 }, clock)
  raw.send(frame(9, 0, 0, 0))
  await turns()
  expect(sent()).toBe('000300000000000000000001')
  expect(raw.status).toBe('closing')
  await clock.advance(1000)
  expect(raw.status).toBe('reset')
  expect(clock.pending).toBe(0)
})

test('a remote that broke the protocol and leaves keeps no timer', async () => {
  const clock = new ManualClock()
  const { raw } = startRaw('responder', { keepAliveMs: 0 }, clock)
  raw.send(frame(9, 0, 0, 0))
  await turns()
  await raw.close()
  await turns()
  expect(raw.status).toBe('closed')
  expect(clock.pending).toBe(0)
})

test('a stream of single bytes that waits for its reader takes little more memory than they count', async () => {
  const { side, raw } = startRaw('responder', { keepAliveMs: 0 })
  const count = 60_000
  const all = Buffer.concat([
    frame(windowUpdate, syn, 1, 0),
    ...Array.from({ length: count }, () => frame(data, 0, 1, 1, new Uint8Array(1)))
  ])
  for (let at = 0; at < all.length; at += 65_000) raw.send(all.subarray(at, at + 65_000))
  await turns(200)
  const held: Uint8Array[] = []
  side.streams[0]!.attach({ ...reader, data: (bytes) => void held.push(bytes) })
  expect(held.reduce((sum, { length }) => sum + length, 0)).toBe(count)
  expect(held.length).toBeLessThan(100)
  const memory = [...new Set(held.map(({ buffer }) => buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0)
  expect(memory).toBeLessThan(2 * count)
  side.muxer.abort(new Error('done'))
})

test('a reset on a data frame has no code, whatever its length says', async () => {
  const { side, raw } = startRaw('responder', { keepAliveMs: 0 })
  raw.send(frame(windowUpdate, syn, 1, 0))
  raw.send(frame(data, rst, 1, 5, new Uint8Array(5)))
  raw.send(frame(windowUpdate, syn, 3, 0))
  await turns()
  expect(side.streams[0]?.error?.message).toBe('the remote reset the stream')
  expect(side.streams[1]?.status).toBe('open')
})

test('credit behind the end of a stream is still credit', async () => {
  const { side, raw, frames } = startRaw('responder', { keepAliveMs: 0 })
  raw.send(frame(windowUpdate, syn, 1, 0))
  raw.send(frame(windowUpdate, fin, 1, 0))
  await turns()
  const stream = side.streams[0]!
  stream.send(new Uint8Array(256 * 1024 + 1000))
  await turns(40)
  expect(stream.queuedBytes).toBe(1000)
  raw.send(frame(windowUpdate, 0, 1, 2000))
  await turns()
  expect(stream.queuedBytes).toBe(0)
  expect(frames().at(-1)).toHaveLength(2 * 1012)
})

test('streams are announced in the order of their ids, also when some of them end before', async () => {
  const { side, frames } = startRaw('initiator', { keepAliveMs: 0 })
  const streams = await Promise.all(Array.from({ length: 6 }, () => side.muxer.open()))
  streams[0]!.abort(new Error('never mind'))
  streams[4]!.send(new Uint8Array(100_000)) // a whole record: leaves at once
  void streams[3]!.closeWrite()
  streams[1]!.abort(new Error('never mind')) // told of by now
  void streams[5]!.closeWrite()
  await turns(20)
  const announced = frames().filter((bytes) => (Number.parseInt(bytes.slice(4, 8), 16) & syn) !== 0)
  expect(announced.map((bytes) => Number.parseInt(bytes.slice(8, 16), 16))).toEqual([3, 5, 7, 9, 11])
})

test('many small messages of a turn are one frame, and the end follows at once', async () => {
  const { side, frames } = startRaw('initiator', { keepAliveMs: 0 })
  const stream = await side.muxer.open()
  for (let at = 0; at < 100; at++) stream.send(new Uint8Array(100))
  await stream.closeWrite()
  await turns()
  expect(frames().map((bytes) => bytes.slice(0, 24))).toEqual(['000000010000000100002710', '000100040000000100000000'])
})

test('several streams share the line in slices', async () => {
  const { side, frames } = startRaw('initiator', { keepAliveMs: 0 })
  const streams = await Promise.all(Array.from({ length: 3 }, () => side.muxer.open()))
  for (const stream of streams) stream.send(new Uint8Array(50_000))
  await turns(20)
  const ids = frames().map((bytes) => Number.parseInt(bytes.slice(8, 16), 16))
  expect(ids).toEqual([1, 3, 5, 1, 3, 5, 1, 3, 5, 1, 3, 5])
})

const stuck = (): [Channel, Channel] => {
  const [near, far] = channelPair()
  far.pause()
  return [near, far]
}

test('closing waits for streams, but not for ever', async () => {
  const clock = new ManualClock()
  const [near, far] = stuck()
  const side = startSide(near, 'initiator', { keepAliveMs: 0, closeTimeoutMs: 5000 }, () => {}, clock)
  const stream = await side.muxer.open()
  for (let at = 0; at < 16; at++) stream.send(new Uint8Array(64 * 1024))
  const closing = side.muxer.close()
  closing.catch(() => {})
  await clock.advance(4999)
  expect(stream.status).toBe('open')
  await clock.advance(1)
  expect(stream.status).toBe('reset')
  expect(await side.closed).toBeUndefined()
  far.abort(new Error('done'))
  await closing.catch(() => {})
  expect(clock.pending).toBe(0)
})

test('a signal ends the waiting of close, and with it the connection', async () => {
  const [near] = stuck()
  const side = startSide(near, 'initiator', { keepAliveMs: 0 })
  const stream = await side.muxer.open()
  for (let at = 0; at < 16; at++) stream.send(new Uint8Array(64 * 1024))
  const abort = new AbortController()
  const closing = side.muxer.close(abort)
  await turns()
  abort.abort(new Error('hurry'))
  await expect(closing).rejects.toThrow('hurry')
  expect(stream.status).toBe('reset')
  expect((await side.closed)?.message).toBe('hurry')
})

test('an end that waits for the line leaves before the good-bye', async () => {
  const { a, b } = startPair({ keepAliveMs: 0 })
  const bulk = await a.muxer.open()
  const quiet = await a.muxer.open()
  for (let at = 0; at < 16; at++) bulk.send(new Uint8Array(64 * 1024))
  const ended = quiet.closeWrite()
  const closing = a.muxer.close()
  await turns(20)
  for (const stream of b.streams) stream.attach(reader)
  await Promise.all([ended, closing])
  await turns(20)
  expect(await b.closed).toBeUndefined()
  expect(b.streams.map(({ id }) => id)).toEqual(['1', '3'])
})

test('open waits a bounded time for acknowledgements, in the order of asking', async () => {
  const clock = new ManualClock()
  const { side, raw } = startRaw('initiator', { keepAliveMs: 0, maxUnacknowledged: 2, openTimeoutMs: 3000 }, clock)
  await side.muxer.open()
  await side.muxer.open()
  const order: string[] = []
  const opening = ['first', 'second', 'third'].map(async (name) => {
    const stream = await side.muxer.open()
    order.push(`${name} ${stream.id}`)
  })
  await turns()
  expect(order).toEqual([])
  raw.send(frame(windowUpdate, ack, 3, 0))
  await turns()
  expect(order).toEqual(['first 5'])
  raw.send(frame(windowUpdate, rst, 1, 0))
  await turns()
  expect(order).toEqual(['first 5', 'second 7'])
  const refused = expect(opening[2]).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  await clock.advance(3000)
  await refused
  expect(clock.pending).toBe(0)
})

test('whoever may not open leaves its turn to the next', async () => {
  const { side, raw } = startRaw('initiator', { keepAliveMs: 0, maxUnacknowledged: 1 })
  await side.muxer.open()
  const [one, two] = [side.muxer.open(), side.muxer.open()]
  await turns()
  const reserve = side.scope.reserve.bind(side.scope)
  let asked = 0
  side.scope.reserve = (resource, amount) => ++asked > 1 && reserve(resource, amount)
  raw.send(frame(windowUpdate, ack, 1, 0))
  await expect(one).rejects.toMatchObject({ code: 'ERR_LIMIT' })
  expect((await two).id).toBe('3')
})

test('a ping that got lost is forgotten, and a remote that talks is not given up for it', async () => {
  const clock = new ManualClock()
  const { side, raw, frames } = startRaw('initiator', { keepAliveMs: 30_000 }, clock)
  const pings = (): string[] => frames().filter((bytes) => bytes.startsWith('00020001'))
  for (let round = 0; round < 10; round++) {
    raw.send(frame(ping, syn, 0, round))
    await turns()
    await clock.advance(30_000)
  }
  expect(pings()).toHaveLength(10) // none was answered
  expect(side.muxer.rttMs).toBeUndefined()
  raw.send(Buffer.from(pings().at(-1)!.replace('00020001', '00020002'), 'hex'))
  await turns()
  expect(side.muxer.rttMs).toBe(0)
  side.muxer.abort(new Error('done'))
})

test('windows follow the round trip: they grow for a reader that is held back, not for a slow one', async () => {
  for (const [betweenMs, grows] of [
    [20, true],
    [2000, false]
  ] as const) {
    const clock = new ManualClock()
    const { side, raw, frames } = startRaw('responder', { keepAliveMs: 0 }, clock, (stream) => stream.attach(reader))
    raw.send(frame(windowUpdate, syn, 1, 0))
    for (let round = 0; round < 6; round++) {
      raw.send(frame(data, 0, 1, 131_072, new Uint8Array(131_072)))
      await turns(10)
      const asked = frames().find((bytes) => bytes.startsWith('00020001'))
      if (round === 0) {
        await clock.advance(50)
        raw.send(Buffer.from(asked!.replace('00020001', '00020002'), 'hex'))
        await turns()
        expect(side.muxer.rttMs).toBe(50)
      }
      await clock.advance(betweenMs)
    }
    expect(side.scope.usage.memory > 0).toBe(grows)
    side.muxer.abort(new Error('done'))
    expect(side.scope.usage.memory).toBe(0)
  }
})

test('both ends of a stream may be read and written while the other side of the pair is busy', async () => {
  const { a, b } = startPair({ keepAliveMs: 0 }, undefined, systemClock)
  const stream = await a.muxer.open()
  stream.send(new Uint8Array(1))
  await turns()
  const remote = b.streams[0]!
  const up = (async () => {
    for (let at = 0; at < 64; at++) await stream.write(new Uint8Array(64 * 1024))
    await stream.closeWrite()
  })()
  const down = (async () => {
    for (let at = 0; at < 64; at++) await remote.write(new Uint8Array(64 * 1024))
    await remote.closeWrite()
  })()
  const [got, sent] = await Promise.all([readAll(stream), readAll(remote), up, down])
  expect([got.length, sent.length]).toEqual([64 * 65_536, 64 * 65_536 + 1])
})
