import { expect, test } from 'vitest'
import { ManualClock } from '@peerloom/conformance'
import type { Channel, MuxedStream } from '@peerloom/interface'
import type { MplexOptions } from '@peerloom/mplex'
import { closeInitiator, echo, frame, messageInitiator, newStream, resetReceiver, startRaw, turns } from './harness.ts'

const kibi = 1024
const small: MplexOptions = { maxStreamBufferBytes: 256 * kibi, maxConnectionBufferBytes: 1024 * kibi }
const reader = { data: () => {}, end: () => {}, closed: () => {} }

/** Sends messages of 32 KiB until the line takes no more. Gives how much that was. */
async function fill(raw: Channel, id: number, most = 64 * kibi * kibi): Promise<number> {
  let sent = 0
  for (; sent < most && raw.queuedBytes < 256 * kibi; sent += 32 * kibi) {
    raw.send(frame(messageInitiator, id, 32 * kibi))
    await turns(2)
  }
  return sent
}

test('a reader that takes nothing holds its connection back for a bounded time, then it is reset', async () => {
  const clock = new ManualClock()
  const { side, raw, frames } = startRaw('responder', { ...small, holdTimeoutMs: 3000 }, clock, (stream) => {
    if (side.streams.length > 1) echo(stream)
  })
  raw.send(frame(newStream, 0))
  const sent = await fill(raw, 0)
  // The buffer of the stream, and what the line itself takes on both ends.
  expect(sent).toBeLessThan(1024 * kibi)
  raw.send(frame(newStream, 1))
  raw.send(frame(messageInitiator, 1, 10))
  await clock.advance(2999)
  expect(frames()).toEqual([])
  expect(side.streams).toHaveLength(1)
  expect(clock.pending).toBe(1)
  await clock.advance(1)
  await turns(20)
  expect(side.streams[0]).toMatchObject({ status: 'reset', error: { code: 'ERR_LIMIT', remote: false } })
  expect(frames().map(({ flag, id }) => [flag, id])).toEqual([
    [resetReceiver, 0],
    [1, 1]
  ])
  expect(clock.pending).toBe(0)
  expect(side.scope.usage).toMatchObject({ memory: 0, streamsInbound: 1 })
})

test('a reader that is slow, but takes half of its buffer in time, sets the pace and loses nothing', async () => {
  const clock = new ManualClock()
  const { side, raw } = startRaw('responder', { ...small, holdTimeoutMs: 3000 }, clock)
  raw.send(frame(newStream, 0))
  let taken = 0
  const total = 4 * kibi * kibi
  let sent = await fill(raw, 0, total)
  const stream = side.streams[0] as MuxedStream
  let budget = 0
  stream.attach({
    ...reader,
    data: (bytes) => {
      taken += bytes.length
      budget -= bytes.length
      if (budget <= 0) stream.pause()
    }
  })
  for (let round = 0; taken < total; round++) {
    if (round > 200) throw new Error(`only ${taken} bytes`)
    await clock.advance(2500)
    budget = 160 * kibi
    stream.resume()
    await turns(4)
    if (sent < total) sent += await fill(raw, 0, total - sent)
  }
  expect(stream.status).toBe('open')
  expect([sent, taken]).toEqual([total, total])
  expect(side.scope.usage.memory).toBe(0)
  expect(clock.pending).toBe(0)
})

test('many readers that are a little behind are too much together: the one furthest behind gives way', async () => {
  const clock = new ManualClock()
  const options = { maxStreamBufferBytes: 512 * kibi, maxConnectionBufferBytes: 600 * kibi, holdTimeoutMs: 1000 }
  const { side, raw } = startRaw('responder', options, clock)
  for (const [id, length] of [200, 320, 100].entries()) {
    raw.send(frame(newStream, id))
    raw.send(frame(messageInitiator, id, length * kibi))
    await turns(12)
  }
  raw.send(frame(newStream, 3))
  await turns(12)
  expect(side.streams).toHaveLength(3)
  await clock.advance(1000)
  await turns(12)
  expect(side.streams.map(({ status }) => status)).toEqual(['open', 'reset', 'open', 'open'])
  // Asked of the node in steps, over the first.
  expect(side.scope.usage.memory).toBe(256 * kibi)
  side.muxer.abort(new Error('done'))
  expect(side.scope.isEmpty).toBe(true)
})

test('a node that has no memory left holds back, and lets go when a reader has caught up', async () => {
  const clock = new ManualClock()
  const { side, raw } = startRaw('responder', { holdTimeoutMs: 1000 }, clock)
  side.scope.refused.add('memory')
  raw.send(frame(newStream, 0))
  const sent = await fill(raw, 0, 2 * kibi * kibi)
  expect(sent).toBeLessThan(1024 * kibi)
  expect(clock.pending).toBe(1)
  let taken = 0
  const stream = side.streams[0] as MuxedStream
  stream.attach({ ...reader, data: (bytes) => void (taken += bytes.length) })
  await turns(40)
  expect([taken, stream.status, clock.pending]).toEqual([sent, 'open', 0])
  expect(side.scope.usage.memory).toBe(0)
})

test('a connection that is lost or closed while it is held back leaves nothing', async () => {
  for (const how of ['lost', 'ended', 'closed', 'aborted'] as const) {
    const clock = new ManualClock()
    const { side, raw } = startRaw('responder', small, clock)
    raw.send(frame(newStream, 0))
    raw.send(frame(messageInitiator, 0, 300 * kibi))
    await turns(12)
    expect(clock.pending).toBe(1)
    if (how === 'lost') raw.abort(new Error('lost'))
    else if (how === 'ended') await raw.closeWrite()
    else if (how === 'closed') void side.muxer.close().catch(() => {})
    else side.muxer.abort(new Error('aborted'))
    await clock.advance(5000)
    await raw.close().catch(() => {})
    await clock.advance(60_000)
    await side.closed
    expect([how, side.muxer.streamCount, side.scope.isEmpty, clock.pending]).toEqual([how, 0, true, 0])
  }
})

test('what came before the end is read from a stream whose connection was held back and is over', async () => {
  const { side, raw } = startRaw('responder', small, new ManualClock())
  raw.send(frame(newStream, 0))
  raw.send(frame(messageInitiator, 0, 300 * kibi))
  raw.send(frame(closeInitiator, 0))
  await turns(12)
  const stream = side.streams[0] as MuxedStream
  let taken = 0
  let ended = false
  stream.attach({ ...reader, data: (bytes) => void (taken += bytes.length), end: () => (ended = true) })
  await turns(12)
  expect([taken, ended]).toEqual([300 * kibi, true])
})

test('giving bytes back does not count them twice', async () => {
  const { side, raw } = startRaw('responder', small)
  raw.send(frame(newStream, 0))
  for (let round = 0; round < 100; round++) {
    raw.send(frame(messageInitiator, 0, 10 * kibi))
    await turns(2)
    const stream = side.streams[0] as MuxedStream
    stream.attach({
      ...reader,
      data: (bytes) => {
        stream.pause()
        if (round % 2 === 0) stream.unshift(bytes.subarray(5000))
      }
    })
    stream.attach(undefined)
    stream.attach(reader)
  }
  await turns(12)
  expect(side.streams[0]?.status).toBe('open')
  expect(side.scope.usage.memory).toBe(0)
  side.muxer.abort(new Error('done'))
  expect(side.scope.isEmpty).toBe(true)
})
