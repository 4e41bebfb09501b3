import { EventWheel, Random } from '@peerloom/simnet'
import { expect, test } from 'vitest'

type Seen = [time: number, ref: number]

const collect = (wheel: EventWheel, until: number): Seen[] => {
  const seen: Seen[] = []
  wheel.run(until, (_kind, _to, _from, ref) => seen.push([wheel.now, ref]))
  return seen
}

test('events come in the order of their times, and of arrival where those are equal', () => {
  const random = new Random(7)
  const wheel = new EventWheel(2)
  const pushed: Seen[] = []
  for (let ref = 0; ref < 20_000; ref++) {
    // Near, in the same bucket, in later slots and in later epochs.
    const time = random.below([50, 5000, 3_000_000, 4_000_000_000][ref % 4] as number)
    wheel.push(time, 1, 0, 0, ref)
    pushed.push([time, ref])
  }
  pushed.sort(([one], [two]) => one - two)
  expect(collect(wheel, 5_000_000_000)).toEqual(pushed)
  expect(wheel.length).toBe(0)
})

test('events that are pushed while others are taken find their place, also in the bucket that is open', () => {
  const wheel = new EventWheel()
  const seen: Seen[] = []
  const random = new Random(3)
  for (let ref = 0; ref < 10; ref++) wheel.push(ref * 30, 1, 0, 0, 0)
  wheel.run(40_000_000, (_kind, _to, _from, generation) => {
    seen.push([wheel.now, generation])
    if (generation < 9) {
      wheel.push(wheel.now, 1, 0, 0, generation + 3)
      wheel.push(wheel.now + random.below(100), 1, 0, 0, generation + 1)
      wheel.push(wheel.now + random.below(9_000_000), 1, 0, 0, generation + 2)
    }
  })
  expect(seen.length).toBeGreaterThan(1000)
  expect(seen.map(([time]) => time)).toEqual(seen.map(([time]) => time).toSorted((one, two) => one - two))
})

test('the wheel goes round: slots and epochs follow each other without losing or keeping an event', () => {
  const wheel = new EventWheel(16)
  const beats: number[] = []
  wheel.push(0, 1, 0, 0, 0)
  // Just under a slot (1.05 s), so that every beat crosses into the next one sooner or later; 2.5 epochs of 18 minutes.
  wheel.run(2_700_000_000, () => {
    beats.push(wheel.now)
    wheel.push(wheel.now + 1_000_003, 1, 0, 0, 0)
  })
  expect(beats).toEqual(Array.from({ length: 2700 }, (_, at) => at * 1_000_003))
  expect(wheel.length).toBe(1)
  expect(wheel.bytes).toBe(16 * 32)
})

test('a run ends at its time, and what comes later waits', () => {
  const wheel = new EventWheel()
  for (const time of [10, 63, 64, 65, 1_048_575, 1_048_576, 1_073_741_824]) wheel.push(time, 1, 0, 0, time)
  expect(collect(wheel, 64)).toEqual([
    [10, 10],
    [63, 63],
    [64, 64]
  ])
  expect(wheel.now).toBe(64)
  expect(wheel.peek()).toBe(65)
  wheel.push(64, 1, 0, 0, 1)
  wheel.push(0, 1, 0, 0, 2) // what is past is now
  expect(collect(wheel, 1_048_575)).toEqual([
    [64, 1],
    [64, 2],
    [65, 65],
    [1_048_575, 1_048_575]
  ])
  expect(collect(wheel, 1_000_000_000).length).toBe(1)
  expect(wheel.peek()).toBe(1_073_741_824)
  // An idle wheel is behind its time: what is pushed then is in order all the same.
  wheel.push(1_000_000_001, 1, 0, 0, 3)
  expect(collect(wheel, 2_000_000_000)).toEqual([
    [1_000_000_001, 3],
    [1_073_741_824, 1_073_741_824]
  ])
  expect(wheel.peek()).toBe(undefined)
})

test('a time that is none is refused', () => {
  const wheel = new EventWheel()
  for (const time of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    expect(() => wheel.push(time, 1, 0, 0, 0)).toThrow(/not a time/)
  }
})
