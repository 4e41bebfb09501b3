import { ManualClock } from '@peerloom/conformance'
import { expect, test } from 'vitest'

test('timers run in the order of their times, at their times', async () => {
  const clock = new ManualClock(0)
  const seen: string[] = []
  clock.setTimeout(() => seen.push(`late ${clock.now()}`), 20)
  clock.setTimeout(() => seen.push(`first ${clock.now()}`), 10)
  clock.setTimeout(() => seen.push(`second ${clock.now()}`), 10)
  await clock.advance(15)
  expect(seen).toEqual(['first 10', 'second 10'])
  expect([clock.now(), clock.pending]).toEqual([15, 1])
  await clock.advance(5)
  expect(seen).toEqual(['first 10', 'second 10', 'late 20'])
})

test('what a timer sets runs in the same stretch of time when it is due, and not when it was taken back', async () => {
  const clock = new ManualClock(0)
  const seen: number[] = []
  clock.setTimeout(() => clock.setTimeout(() => seen.push(clock.now()), 5), 5)
  clock.clearTimeout(clock.setTimeout(() => seen.push(-1), 7))
  await clock.advance(20)
  expect(seen).toEqual([10])
})
