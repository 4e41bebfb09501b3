import { expect, test } from 'vitest'
import { TokenBucket } from '@peerloom/bounded'

function manualClock() {
  let time = 5000
  return { now: () => time, pass: (ms: number) => (time += ms) }
}

test('a bucket allows a burst, then a steady rate', () => {
  const clock = manualClock()
  const bucket = new TokenBucket({ ratePerSecond: 10, burst: 3, clock })
  expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, true, false])
  expect(bucket.waitMs()).toBe(100)
  clock.pass(99)
  expect(bucket.take()).toBe(false)
  clock.pass(1)
  expect([bucket.take(), bucket.take()]).toEqual([true, false])
  clock.pass(60_000)
  expect(bucket.available).toBe(3)
})

test('tokens are taken all or none', () => {
  const clock = manualClock()
  const bucket = new TokenBucket({ ratePerSecond: 1000, burst: 500, clock })
  expect([bucket.take(400), bucket.take(200), bucket.take(100)]).toEqual([true, false, true])
  expect([bucket.waitMs(250), bucket.waitMs(501), bucket.take(501)]).toEqual([250, Number.POSITIVE_INFINITY, false])
})

test('a bucket is not upset by a clock that goes back, or by a rate of zero', () => {
  const clock = manualClock()
  const bucket = new TokenBucket({ ratePerSecond: 0, burst: 1, clock })
  clock.pass(-1000)
  expect([bucket.take(), bucket.take(), bucket.waitMs()]).toEqual([true, false, Number.POSITIVE_INFINITY])
  clock.pass(100_000)
  expect(bucket.take()).toBe(false)
})

test('nothing but a positive number of tokens can be taken', () => {
  const bucket = new TokenBucket({ ratePerSecond: 1, burst: 1 })
  expect(bucket.take(Number.NaN)).toBe(false)
  expect(bucket.take(-5)).toBe(false)
  expect(bucket.available).toBe(1)
  for (const options of [
    { ratePerSecond: -1, burst: 1 },
    { ratePerSecond: 1, burst: 0 },
    { ratePerSecond: Number.NaN, burst: 1 }
  ]) {
    expect(() => new TokenBucket(options)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }))
  }
})
