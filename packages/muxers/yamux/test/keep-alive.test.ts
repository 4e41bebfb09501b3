import { expect, test } from 'vitest'
import { ManualClock } from '@peerloom/conformance'
import { channelPair } from '@peerloom/streams'
import { startPair, startRaw, startSide, turns } from './harness.ts'

test('a silent remote is asked, and given up when it does not answer', async () => {
  const clock = new ManualClock()
  const { side, frames } = startRaw('initiator', { keepAliveMs: 30_000, keepAliveTimeoutMs: 10_000 }, clock)
  await clock.advance(29_999)
  expect(frames()).toEqual([])
  await clock.advance(1)
  expect(frames()).toEqual(['000200010000000000000001'])
  await clock.advance(10_000)
  expect(await side.closed).toMatchObject({ code: 'ERR_TIMEOUT', remote: true })
  expect(clock.pending).toBe(0)
})

test('two sides that are there keep each other alive, and learn their round trip', async () => {
  const clock = new ManualClock()
  const { a, b } = startPair({ keepAliveMs: 30_000 }, undefined, clock)
  for (let round = 0; round < 20; round++) await clock.advance(30_000)
  expect([a.muxer.rttMs, b.muxer.rttMs]).toEqual([0, 0])
  a.muxer.abort(new Error('done'))
  await turns()
  await b.closed
  expect(clock.pending).toBe(0)
})

test('a window that holds a fast reader back grows to its bound, and gives its memory back', async () => {
  const maxReceiveWindowBytes = 2 * 1024 * 1024
  const [near, far] = channelPair()
  const a = startSide(near, 'initiator')
  const b = startSide(far, 'responder', { maxReceiveWindowBytes }, (stream) => {
    stream.attach({ data: () => {}, end: () => {}, closed: () => {} })
  })
  const stream = await a.muxer.open()
  for (let sent = 0; sent < 1024; sent++) await stream.write(new Uint8Array(64 * 1024))
  await turns(20)
  expect(b.scope.usage.memory).toBe(maxReceiveWindowBytes - 256 * 1024)
  stream.abort(new Error('done'))
  await turns()
  expect(b.scope.usage.memory).toBe(0)
})

test('windows of one connection grow to their common bound only', async () => {
  const [near, far] = channelPair()
  const a = startSide(near, 'initiator')
  const b = startSide(far, 'responder', { maxConnectionWindowBytes: 1024 * 1024 }, (stream) => {
    stream.attach({ data: () => {}, end: () => {}, closed: () => {} })
  })
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      const stream = await a.muxer.open()
      for (let sent = 0; sent < 256; sent++) await stream.write(new Uint8Array(64 * 1024))
    })
  )
  await turns(20)
  expect(b.scope.usage.memory).toBeLessThanOrEqual(1024 * 1024)
})
