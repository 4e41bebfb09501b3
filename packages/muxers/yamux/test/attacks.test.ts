import { expect, test } from 'vitest'
import { ManualClock } from '@peerloom/conformance'
import { systemClock } from '@peerloom/interface'
import { ack, data, fin, frame, goAway, ping, rst, startRaw, syn, turns, windowUpdate } from './harness.ts'

const body = (length: number): Uint8Array => new Uint8Array(length)
const violation = { code: 'ERR_PROTOCOL_VIOLATION', remote: true }

const fatal: [string, Uint8Array[]][] = [
  ['data of 262,145 bytes with SYN', [frame(data, syn, 1, 262_145, body(1000))]],
  ['a length of 0xffffffff', [frame(data, syn, 1, 0xffff_ffff, body(1000))]],
  [
    'more data than the window, in several frames',
    [frame(data, syn, 1, 200_000, body(200_000)), frame(data, 0, 1, 62_145, body(62_145))]
  ],
  [
    'a window over 2^32 - 1',
    [frame(windowUpdate, syn, 1, 0), frame(windowUpdate, 0, 1, 0xffff_0000), frame(windowUpdate, 0, 1, 0xffff_0000)]
  ],
  ['data for a stream that was never opened', [frame(data, 0, 7, 3, body(3))]],
  ['a window update for a stream that was never opened', [frame(windowUpdate, 0, 2, 3)]],
  ['a stream with an id of ours', [frame(windowUpdate, syn, 2, 0)]],
  ['stream 0', [frame(windowUpdate, syn, 0, 0)]],
  ['a stream opened twice', [frame(windowUpdate, syn, 1, 0), frame(windowUpdate, syn, 1, 0)]],
  ['another version', [Buffer.from('010000010000000100000000', 'hex')]],
  ['an unknown type', [frame(9, 0, 0, 0)]],
  ['unknown flags', [frame(data, 0x10, 1, 0)]],
  ['data behind the end', [frame(data, syn | fin, 1, 0), frame(data, 0, 1, 1, body(1))]]
]

test.each(fatal)('%s ends its connection, with a good-bye', async (_name, frames) => {
  const { side, raw, sent } = startRaw('responder', { keepAliveMs: 0 }, systemClock, (stream) => stream.pause())
  for (const bytes of frames) raw.send(bytes)
  await turns(16)
  expect(await side.closed).toMatchObject(violation)
  expect(sent().endsWith('000300000000000000000001')).toBe(true)
  expect(side.muxer.streamCount).toBe(0)
})

const floods: [string, (at: number) => Uint8Array][] = [
  ['pings', (at) => frame(ping, syn, 0, at)],
  ['empty data frames', () => frame(data, 0, 1, 0)],
  ['window updates of a byte', () => frame(windowUpdate, 0, 1, 1)],
  [
    'streams opened and reset',
    (at) => Buffer.concat([frame(windowUpdate, syn, 3 + 2 * at, 0), frame(windowUpdate, rst, 3 + 2 * at, 0)])
  ],
  ['frames for a stream that is gone', () => frame(windowUpdate, 0, 0x7fff_fff1, 5000)]
]

test.each(floods)('a flood of %s ends its connection', async (name, make) => {
  const clock = new ManualClock()
  const { side, raw } = startRaw('responder', { keepAliveMs: 0 }, clock)
  raw.send(frame(windowUpdate, syn, name.includes('gone') ? 0x7fff_fff1 : 1, 0))
  if (name.includes('gone')) raw.send(frame(windowUpdate, rst, 0x7fff_fff1, 0))
  let ended = false
  void side.closed.then(() => (ended = true))
  let sent = 0
  for (; sent < 60_000 && !ended; sent += 500) {
    raw.send(Buffer.concat(Array.from({ length: 500 }, (_, at) => make(sent + at))))
    await turns(3)
  }
  expect(ended).toBe(true)
  expect(await side.closed).toMatchObject(violation)
  expect(side.muxer.streamCount).toBe(0)
})

test('pings at a human pace are answered for ever', async () => {
  const clock = new ManualClock()
  const { side, raw, frames } = startRaw('responder', { keepAliveMs: 0 }, clock)
  for (let round = 0; round < 300; round++) {
    raw.send(frame(ping, syn, 0, round))
    await clock.advance(1000)
  }
  expect(frames()).toHaveLength(300)
  expect(frames()[299]).toBe(Buffer.from(frame(ping, ack, 0, 299)).toString('hex'))
  expect(side.muxer.rttMs).toBeUndefined()
})

test('a remote that asks for answers and reads none is cut off', async () => {
  const { side, raw } = startRaw('responder', { keepAliveMs: 0, maxInboundStreams: 1 })
  raw.pause()
  let ended = false
  void side.closed.then(() => (ended = true))
  for (let at = 0; at < 200_000 && !ended; at += 1000) {
    raw.send(Buffer.concat(Array.from({ length: 1000 }, (_, one) => frame(windowUpdate, syn, 2 * (at + one) + 1, 0))))
    await turns(2)
  }
  expect(ended).toBe(true)
  expect(await side.closed).toMatchObject({ code: 'ERR_PROTOCOL_VIOLATION' })
})

test('data for a stream that we reset is discarded, and the connection lives', async () => {
  const { side, raw, frames } = startRaw('responder', { keepAliveMs: 0 })
  raw.send(frame(data, syn, 1, 10, body(10)))
  await turns()
  side.streams[0]!.abort(new Error('not interested'))
  raw.send(frame(data, 0, 1, 50_000, body(50_000)))
  raw.send(frame(windowUpdate, fin, 1, 0))
  raw.send(frame(ping, syn, 0, 42))
  await turns()
  expect(frames().at(-1)).toBe(Buffer.from(frame(ping, ack, 0, 42)).toString('hex'))
})

test('streams need not be opened in the order of their ids', async () => {
  const { side, raw } = startRaw('responder', { keepAliveMs: 0 })
  for (const id of [9, 1, 5, 3]) raw.send(frame(windowUpdate, syn, id, 0))
  await turns()
  expect(side.streams.map((stream) => stream.id)).toEqual(['9', '1', '5', '3'])
})

test('a remote that goes away takes no new streams; its error ends the connection', async () => {
  const first = startRaw('initiator', { keepAliveMs: 0 })
  const stream = await first.side.muxer.open()
  first.raw.send(frame(goAway, 0, 0, 0))
  await turns()
  await expect(first.side.muxer.open()).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
  expect(stream.status).toBe('open')
  stream.abort(new Error('done'))
  expect(await first.side.closed).toBeUndefined()

  const second = startRaw('initiator', { keepAliveMs: 0 })
  second.raw.send(frame(goAway, 0, 0, 1))
  expect(await second.side.closed).toMatchObject({ code: 'ERR_MUXER', remote: true })
})

test('a reset with an error code says so', async () => {
  const { side, raw } = startRaw('responder', { keepAliveMs: 0 })
  raw.send(frame(windowUpdate, syn, 1, 0))
  raw.send(frame(windowUpdate, rst, 1, 0x1001))
  await turns()
  expect(side.streams[0]).toMatchObject({ status: 'reset', error: { code: 'ERR_CHANNEL_RESET', message: /4097/ } })
})
