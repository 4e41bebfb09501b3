import { expect, test } from 'vitest'
import { ManualClock } from '@peerloom/conformance'
import { systemClock } from '@peerloom/interface'
import type { MplexFloodLimits } from '@peerloom/mplex'
import {
  closeInitiator,
  closeReceiver,
  echo,
  frame,
  messageInitiator,
  messageReceiver,
  newStream,
  resetInitiator,
  resetReceiver,
  startRaw,
  turns,
  varint
} from './harness.ts'

const violation = { code: 'ERR_PROTOCOL_VIOLATION', remote: true }
const kibi = 1024

const fatal: [string, Uint8Array[]][] = [
  ['a frame over 1 MiB', [frame(newStream, 0), frame(messageInitiator, 0, 10, 1024 * kibi + 1)]],
  ['a length of 2^53 - 1', [frame(newStream, 0), frame(messageInitiator, 0, 0, Number.MAX_SAFE_INTEGER)]],
  ['a length of 2^53', [frame(newStream, 0), Uint8Array.of(2, ...varint(2n ** 53n))]],
  ['a length without end', [frame(newStream, 0), new Uint8Array(100).fill(0xff)]],
  ['a header of 2^64 - 1', [Uint8Array.from(varint(2n ** 64n - 1n))]],
  ['a header longer than needed', [Uint8Array.of(0x80, 0x00, 0x00)]],
  ['a length longer than needed', [frame(newStream, 0), Uint8Array.of(2, 0x81, 0x00, 1)]],
  ['a name of 1,025 bytes', [frame(newStream, 0, 10, 1025)]],
  ['flag 7', [frame(7, 0)]],
  ['flag 7 for a stream of ours', [frame(7, 1)]],
  ['a stream opened twice', [frame(newStream, 3), frame(newStream, 3)]],
  ['a message for a stream that was never opened', [frame(newStream, 3), frame(messageInitiator, 4, 3)]],
  ['an end of a stream that was never opened', [frame(closeInitiator, 0)]],
  ['a reset of a stream that was never opened', [frame(resetInitiator, 0)]],
  ['a message for a stream that we never opened', [frame(messageReceiver, 3, 3)]],
  ['a message for a stream that is not of our kind', [frame(messageReceiver, 0, 3)]],
  ['an end of a stream that we never opened', [frame(closeReceiver, 4)]],
  ['a reset of a stream that we never opened', [frame(resetReceiver, 4)]]
]

test.each(fatal)('%s ends its connection', async (_name, frames) => {
  const { side, raw } = startRaw('initiator')
  await side.muxer.open()
  for (const bytes of frames) raw.send(bytes)
  await turns(16)
  expect(await side.closed).toMatchObject(violation)
  expect(raw.status).toBe('reset')
  expect(side.muxer.streamCount).toBe(0)
  expect(side.scope.isEmpty).toBe(true)
})

test('a frame of exactly 1 MiB is taken, and read as it comes', async () => {
  const { side, raw } = startRaw('responder')
  raw.send(frame(newStream, 0))
  const whole = frame(messageInitiator, 0, 1024 * kibi)
  raw.send(whole.subarray(0, 5000))
  await turns()
  let taken = 0
  side.streams[0]?.attach({ data: (bytes) => void (taken += bytes.length), end: () => {}, closed: () => {} })
  expect(taken).toBe(5000 - 4)
  raw.send(whole.subarray(5000))
  await turns(40)
  expect(taken).toBe(1024 * kibi)
})

test('frames for streams that are gone are skipped, and the connection lives', async () => {
  const { side, raw } = startRaw('responder')
  for (const id of [9, 2, 5]) raw.send(frame(newStream, id))
  await turns()
  side.streams[0]?.abort(new Error('not interested'))
  raw.send(frame(resetInitiator, 2))
  for (const id of [9, 2, 7]) {
    raw.send(frame(messageInitiator, id, 50_000))
    raw.send(frame(closeInitiator, id, 3))
    raw.send(frame(resetInitiator, id))
  }
  raw.send(frame(messageInitiator, 5, 10))
  await turns(20)
  let taken = 0
  side.streams[2]?.attach({ data: (bytes) => void (taken += bytes.length), end: () => {}, closed: () => {} })
  expect([taken, side.muxer.streamCount, raw.status]).toEqual([10, 1, 'open'])
})

test('what comes behind the end of a stream is skipped', async () => {
  const { side, raw } = startRaw('responder')
  raw.send(frame(newStream, 0))
  raw.send(frame(messageInitiator, 0, 5))
  raw.send(frame(closeInitiator, 0))
  raw.send(frame(messageInitiator, 0, 500))
  raw.send(frame(closeInitiator, 0))
  await turns()
  let taken = 0
  side.streams[0]?.attach({ data: (bytes) => void (taken += bytes.length), end: () => {}, closed: () => {} })
  expect([taken, side.streams[0]?.status, raw.status]).toEqual([5, 'closing', 'open'])
})

test('a stream that is reset in the middle of a frame costs the rest of the frame, and nothing else', async () => {
  const { side, raw } = startRaw('responder', {}, systemClock, (stream) => {
    if (side.streams.length > 1) return echo(stream)
    stream.attach({
      data: () => {
        throw new Error('bad reader')
      },
      end: () => {},
      closed: () => {}
    })
  })
  const message = frame(messageInitiator, 0, 200_000)
  raw.send(frame(newStream, 0))
  for (let at = 0; at < message.length; at += 10_000) {
    raw.send(message.subarray(at, at + 10_000))
    await turns(2)
  }
  raw.send(frame(newStream, 1))
  raw.send(frame(messageInitiator, 1, 10))
  await turns()
  expect(side.streams.map(({ status }) => status)).toEqual(['reset', 'open'])
})

test('a remote that ends inside a frame has lost the connection; between frames it was a good-bye', async () => {
  for (const [bytes, error] of [
    [[frame(newStream, 0)], undefined],
    [[frame(newStream, 0), frame(messageInitiator, 0, 5, 10)], { code: 'ERR_UNEXPECTED_END', remote: true }],
    [[frame(newStream, 0), Uint8Array.of(2)], { code: 'ERR_UNEXPECTED_END', remote: true }],
    [[frame(newStream, 0), Uint8Array.of(0x82)], { code: 'ERR_UNEXPECTED_END', remote: true }]
  ] as const) {
    const { side, raw } = startRaw('responder')
    for (const part of bytes) raw.send(part)
    await raw.closeWrite()
    await turns()
    const ended = await side.closed
    if (error === undefined) expect(ended).toBeUndefined()
    else expect(ended).toMatchObject(error)
    expect(side.streams[0]).toMatchObject({ status: 'reset', error: { code: 'ERR_CONNECTION_CLOSED' } })
  }
})

const few = { burst: 50, ratePerSecond: 1 }

const floods: [keyof MplexFloodLimits, string, (at: number) => Uint8Array][] = [
  ['idle', 'empty messages', () => frame(messageInitiator, 1)],
  ['idle', 'ends', () => frame(closeInitiator, 1)],
  [
    'reset',
    'streams opened and reset',
    (at) => Buffer.concat([frame(newStream, 5 + at), frame(resetInitiator, 5 + at)])
  ],
  ['refused', 'streams that are refused', (at) => frame(newStream, 5 + at)],
  ['discarded', 'frames for a stream that is gone', () => frame(messageInitiator, 3)],
  ['discarded', 'bytes for a stream that is gone', () => frame(messageInitiator, 3, 2000)],
  [
    'discarded',
    'ends with a body',
    (at) => Buffer.concat([frame(newStream, 5 + at), frame(closeInitiator, 5 + at, 2000)])
  ]
]

test.each(floods)('the %s limit bounds %s', async (kind, name, make) => {
  const limit = kind === 'discarded' ? { ...few, burst: 50 * (name.startsWith('frames') ? 256 : 2000) } : few
  const options = { maxInboundStreams: kind === 'refused' ? 1 : 200, floodLimits: { [kind]: limit } }
  const { side, raw } = startRaw('responder', options, new ManualClock())
  raw.send(frame(newStream, 3))
  raw.send(frame(resetInitiator, 3))
  raw.send(frame(newStream, 1))
  await turns()
  for (let at = 0; at < 45; at++) raw.send(make(at))
  await turns(100)
  expect(side.muxer.streamCount).toBeGreaterThan(0)
  for (let at = 45; at < 60; at++) raw.send(make(at))
  await turns(100)
  expect(await side.closed).toMatchObject(violation)
  expect(side.muxer.streamCount).toBe(0)
  expect(side.scope.isEmpty).toBe(true)
})

test('streams that are opened too fast are refused, without harm to the others', async () => {
  const clock = new ManualClock()
  const { side, raw, frames } = startRaw('responder', { floodLimits: { open: few } }, clock)
  for (let at = 0; at < 60; at++) raw.send(frame(newStream, at))
  await turns(20)
  expect(side.muxer.streamCount).toBe(50)
  expect(frames().map(({ flag, id }) => [flag, id])).toEqual(
    Array.from({ length: 10 }, (_, at) => [resetReceiver, 50 + at])
  )
  await clock.advance(2000)
  for (let at = 60; at < 65; at++) raw.send(frame(newStream, at))
  await turns(20)
  expect(side.muxer.streamCount).toBe(52)
})

test('a flood of streams, with the limits as they are, is refused and then ended', async () => {
  const { side, raw } = startRaw('responder', {}, new ManualClock())
  let ended = false
  void side.closed.then(() => (ended = true))
  let at = 0
  for (; at < 100_000 && !ended; at += 500) {
    raw.send(Buffer.concat(Array.from({ length: 500 }, (_, one) => frame(newStream, at + one))))
    await turns(3)
    expect(side.muxer.streamCount).toBeLessThanOrEqual(1024)
  }
  expect(await side.closed).toMatchObject(violation)
  expect(side.scope.isEmpty).toBe(true)
})

test('a remote that asks for answers and reads none is cut off', async () => {
  const { side, raw } = startRaw('responder', { maxInboundStreams: 1, maxControlFrames: 500 })
  raw.send(frame(newStream, 0))
  await turns()
  raw.pause()
  while (side.streams[0]?.send(new Uint8Array(65_536)) === true);
  await turns()
  for (let at = 1; at <= 500; at++) raw.send(frame(newStream, at))
  await turns(20)
  expect(raw.status).toBe('open')
  raw.send(frame(newStream, 501))
  await turns(20)
  expect(await side.closed).toMatchObject({ ...violation, message: /reads none/ })
})

test('we open no more streams than a remote takes', async () => {
  const { side } = startRaw('initiator', { maxOutboundStreams: 2 })
  const first = await side.muxer.open()
  await side.muxer.open()
  await expect(side.muxer.open()).rejects.toMatchObject({ code: 'ERR_LIMIT' })
  first.abort(new Error('room for another'))
  await side.muxer.open()
})

test('single bytes that wait for their reader take little more memory than they count', async () => {
  const { side, raw } = startRaw('responder')
  const count = 60_000
  const one = frame(messageInitiator, 0, 1)
  const all = Buffer.concat([frame(newStream, 0), ...Array.from({ length: count }, () => one)])
  for (let at = 0; at < all.length; at += 65_000) raw.send(all.subarray(at, at + 65_000))
  await turns(200)
  const held: Uint8Array[] = []
  side.streams[0]?.attach({ data: (bytes) => void held.push(bytes), end: () => {}, closed: () => {} })
  expect(held.reduce((sum, { length }) => sum + length, 0)).toBe(count)
  const memory = [...new Set(held.map(({ buffer }) => buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0)
  expect(memory).toBeLessThan(2 * count)
  side.muxer.abort(new Error('done'))
})
