import { expect, test } from 'vitest'
import { channelPair } from '@peerloom/streams'
import { echo, readAll, startPair, startSide, turns } from './harness.ts'

test('bytes come back in order, whatever their pieces', async () => {
  const { a } = startPair({}, echo)
  const stream = await a.muxer.open()
  const sent = Buffer.alloc(1_000_000, 'a piece of text that does not divide a window')
  const sending = (async () => {
    for (let at = 0, step = 1; at < sent.length; at += step, step = (step * 7) % 50_021) {
      await stream.write(sent.subarray(at, at + step))
    }
    await stream.closeWrite()
  })()
  expect(Buffer.compare(await readAll(stream), sent)).toBe(0)
  await sending
  expect(stream.status).toBe('closed')
})

test('1,000 streams at once, both ways', async () => {
  const { a, b } = startPair({ maxInboundStreams: 2000 }, echo)
  await Promise.all(
    Array.from({ length: 1000 }, async (_, at) => {
      const stream = await a.muxer.open()
      const sent = Buffer.alloc(20_000 + at, at & 255)
      const got = readAll(stream)
      await stream.write(sent)
      await stream.closeWrite()
      expect(Buffer.compare(await got, sent)).toBe(0)
    })
  )
  await turns()
  expect([a.muxer.streamCount, b.muxer.streamCount]).toEqual([0, 0])
  expect(a.scope.isEmpty && b.scope.isEmpty).toBe(true)
})

test('each direction ends by itself', async () => {
  const { a, b } = startPair()
  const stream = await a.muxer.open()
  await stream.write(Buffer.from('question'))
  await stream.closeWrite()
  await turns()
  const remote = b.streams[0]!
  expect(Buffer.from(await readAll(remote)).toString()).toBe('question')
  expect([stream.status, remote.status]).toEqual(['closing', 'closing'])
  await remote.write(Buffer.from('answer'))
  await remote.closeWrite()
  expect(Buffer.from(await readAll(stream)).toString()).toBe('answer')
  expect([stream.status, remote.status]).toEqual(['closed', 'closed'])
  expect(() => stream.send(Buffer.from('more'))).toThrow(expect.objectContaining({ code: 'ERR_CHANNEL_CLOSED' }))
})

test('a reset reaches the other side, and the streams beside it live', async () => {
  const { a, b } = startPair({}, echo)
  const [one, two] = [await a.muxer.open(), await a.muxer.open()]
  one.send(Buffer.from('x'))
  two.send(Buffer.from('y'))
  await turns()
  one.abort(new Error('enough'))
  await turns()
  expect(b.streams[0]).toMatchObject({ status: 'reset', error: { code: 'ERR_CHANNEL_RESET', remote: true } })
  await two.closeWrite()
  expect(Buffer.from(await readAll(two)).toString()).toBe('y')
})

test('a reader that takes nothing stops the sender at its window', async () => {
  const { a, b } = startPair()
  const stream = await a.muxer.open()
  let taken = 0
  const offering = (async () => {
    for (; taken < 4096; taken++) await stream.write(new Uint8Array(64 * 1024))
  })()
  offering.catch(() => {})
  await turns(200)
  const sent = taken * 64 * 1024
  expect(sent).toBeGreaterThanOrEqual(256 * 1024)
  expect(sent).toBeLessThan(1024 * 1024)
  expect(b.streams).toHaveLength(1)
  b.streams[0]!.abort(new Error('done'))
  await expect(offering).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET' })
})

test('credit comes back in halves of a window, not byte by byte', async () => {
  const { a, b } = startPair({ keepAliveMs: 0 })
  const stream = await a.muxer.open()
  for (let round = 0; round < 64; round++) stream.send(new Uint8Array(1024))
  await turns()
  const remote = b.streams[0]!
  let got = 0
  remote.attach({ data: (bytes) => void (got += bytes.length), end: () => {}, closed: () => {} })
  await turns()
  expect(got).toBe(64 * 1024)
  expect(stream.queuedBytes).toBe(0)
  stream.abort(new Error('done'))
})

test('open waits while too many streams are unacknowledged, and goes on when they are', async () => {
  const [near, far] = channelPair()
  const a = startSide(near, 'initiator', { maxUnacknowledged: 4 })
  for (let count = 0; count < 4; count++) await a.muxer.open()
  let opened = false
  const fifth = a.muxer.open().then((stream) => {
    opened = true
    return stream
  })
  const abort = new AbortController()
  const sixth = a.muxer.open(abort)
  await turns()
  expect(opened).toBe(false)
  abort.abort(new Error('no longer'))
  await expect(sixth).rejects.toThrow('no longer')
  startSide(far, 'responder')
  expect((await fifth).id).toBe('9')
})

test('inbound streams over the limit are reset, the others live', async () => {
  const { a, b } = startPair({ maxInboundStreams: 3 }, echo)
  const streams = await Promise.all(Array.from({ length: 5 }, () => a.muxer.open()))
  for (const stream of streams) stream.send(Buffer.from('x'))
  await turns()
  expect(streams.map((stream) => stream.status)).toEqual(['open', 'open', 'open', 'reset', 'reset'])
  expect(b.muxer.streamCount).toBe(3)
})

test('a limits tree that says no refuses streams on both sides', async () => {
  const [near, far] = channelPair()
  const a = startSide(near, 'initiator')
  const b = startSide(far, 'responder')
  b.scope.reserve = () => false
  const stream = await a.muxer.open()
  stream.send(Buffer.from('x'))
  await turns()
  expect(stream.status).toBe('reset')
  a.scope.refused.add('streamsOutbound')
  await expect(a.muxer.open()).rejects.toMatchObject({ code: 'ERR_LIMIT' })
})

test('close lets streams send what is queued, then says good-bye', async () => {
  const { a, b } = startPair()
  const stream = await a.muxer.open()
  const sent = new Uint8Array(200_000)
  stream.send(sent)
  const closing = a.muxer.close()
  await turns(4)
  await expect(a.muxer.open()).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
  let got = 0
  b.streams[0]!.attach({ data: (bytes) => void (got += bytes.length), end: () => {}, closed: () => {} })
  await closing
  await turns()
  expect(got).toBe(sent.length)
  expect(await a.closed).toBeUndefined()
  expect(await b.closed).toBeUndefined()
  expect(stream.status).toBe('reset')
  expect(b.streams[0]!.status).toBe('reset')
})

test('the loss of the channel resets every stream with its reason, on both sides', async () => {
  const [near, far] = channelPair()
  const a = startSide(near, 'initiator')
  const b = startSide(far, 'responder')
  const stream = await a.muxer.open()
  const reading = readAll(stream)
  stream.send(Buffer.from('x'))
  await turns()
  near.abort(new Error('cable cut'))
  await expect(reading).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED', message: /cable cut/ })
  await turns()
  expect((await a.closed)?.message).toBe('cable cut')
  expect(await b.closed).toMatchObject({ code: 'ERR_CHANNEL_RESET' })
  expect([a.muxer.streamCount, b.muxer.streamCount]).toEqual([0, 0])
})
