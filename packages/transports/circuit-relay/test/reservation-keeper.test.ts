import { type Ask, ReservationKeeper } from '@peerloom/circuit-relay'
import { seededRandom } from '@peerloom/conformance'
import { expect, test } from 'vitest'

const t0 = 1_700_000_000_000
const hour = 3_600_000

function keeper(wanted: number, random: () => number = () => 0.5, maxCandidates = 64): ReservationKeeper {
  const made = new ReservationKeeper({ maxCandidates, firstBackoffMs: 1000, lastBackoffMs: 300_000, random })
  made.setWanted(wanted)
  return made
}
const names = (asks: readonly Ask[]): string[] => asks.map(({ relay }) => relay).toSorted()
const only = (asks: readonly Ask[]): Ask => {
  expect(asks).toHaveLength(1)
  return asks[0] as Ask
}

test('as many are asked as are wanted, and no more', () => {
  const one = keeper(2)
  for (const name of ['a', 'b', 'c', 'd']) one.offer(name)
  const { ask, isShort } = one.step(t0)
  expect(ask).toHaveLength(2)
  expect(isShort).toBe(false)
  expect(one.step(t0).ask).toEqual([])
})

test('who is asked is left to chance', () => {
  const random = seededRandom(7)
  const asked = new Set<string>()
  for (let round = 0; round < 50; round++) {
    const one = keeper(1, () => random(1000) / 1000)
    for (const name of ['a', 'b', 'c', 'd']) one.offer(name)
    asked.add(only(one.step(t0).ask).relay)
  }
  expect(asked.size).toBe(4)
})

test('nobody is asked when none are wanted but those that were named', () => {
  const one = keeper(0)
  one.offer('a')
  one.addStatic('s')
  expect(names(one.step(t0).ask)).toEqual(['s'])
})

test('named relays count as well', () => {
  const one = keeper(2)
  one.addStatic('s')
  for (const name of ['a', 'b']) one.offer(name)
  const { ask } = one.step(t0)
  expect(ask).toHaveLength(2)
  expect(names(ask)).toContain('s')
})

test('a reservation is renewed well before its end, each at a time of its own', () => {
  const times = [0, 0.5, 0.999].map((chance) => {
    const one = keeper(1, () => chance)
    one.offer('a')
    one.granted(only(one.step(t0).ask), t0 + hour, t0)
    const { ask, wakeAt } = one.step(t0)
    expect(ask).toEqual([])
    return (wakeAt as number) - t0
  })
  expect(times[0]).toBeCloseTo(hour * 0.6)
  expect(times[1]).toBeCloseTo(hour * 0.7)
  expect(times[2]).toBeCloseTo(hour * 0.8, -4)
})

test('a renewal that fails on the line is tried again before the end, and the reservation is lost only then', () => {
  const one = keeper(1)
  one.offer('a')
  one.granted(only(one.step(t0).ask), t0 + hour, t0)
  let now = one.step(t0).wakeAt as number
  let tries = 0
  for (;;) {
    const { ask, ended, wakeAt } = one.step(now)
    if (ended.length > 0) break
    for (const each of ask) {
      tries++
      expect(one.failed(each, false, now)).toBe(false)
    }
    now = one.step(now).wakeAt ?? (wakeAt as number)
  }
  expect(tries).toBeGreaterThan(3)
  expect(now).toBe(t0 + hour)
})

test('a relay that refuses is given up at once, and another one asked', () => {
  const one = keeper(1)
  one.offer('a')
  one.granted(only(one.step(t0).ask), t0 + hour, t0)
  one.offer('b')
  const renewal = only(one.step(t0 + 0.7 * hour).ask)
  expect(one.failed(renewal, true, t0 + 0.7 * hour)).toBe(true)
  expect(names(one.step(t0 + 0.7 * hour).ask)).toEqual(['b'])
})

test('a relay that was lost gives way to another one at once', () => {
  const one = keeper(1)
  one.offer('a')
  one.granted(only(one.step(t0).ask), t0 + hour, t0)
  one.offer('b')
  expect(one.withdraw('a', t0 + 1)).toBe(true)
  expect(names(one.step(t0 + 1).ask)).toEqual(['b'])
})

test('a named relay that was lost is asked at once, and ever less often while it stays away', () => {
  const one = keeper(0)
  one.addStatic('s')
  one.granted(only(one.step(t0).ask), t0 + hour, t0)
  one.withdraw('s', t0 + 100_000)
  let now = t0 + 100_000
  const waits: number[] = []
  for (let round = 0; round < 12; round++) {
    one.failed(only(one.step(now).ask), false, now)
    const next = one.step(now).wakeAt as number
    waits.push(next - now)
    now = next
  }
  expect(waits.slice(0, 4)).toEqual([2000, 4000, 8000, 16_000])
  expect(waits.at(-1)).toBe(300_000)
})

test('a relay that grants and drops us again and again is not asked at once each time', () => {
  const one = keeper(0)
  one.addStatic('s')
  let now = t0
  let asked = 0
  while (now < t0 + 60_000) {
    const { ask, wakeAt } = one.step(now)
    for (const each of ask) {
      asked++
      one.granted(each, now + hour, now)
      one.withdraw('s', now)
    }
    now = Math.max(now + 1, one.step(now).wakeAt ?? wakeAt ?? now + 1)
  }
  expect(asked).toBeLessThan(12)
})

test('with nobody left to ask it says so, and wakes when somebody may be asked again', () => {
  const one = keeper(1)
  expect(one.step(t0)).toMatchObject({ isShort: true, wakeAt: undefined })
  one.offer('a')
  one.failed(only(one.step(t0).ask), true, t0)
  expect(one.step(t0)).toMatchObject({ ask: [], isShort: true, wakeAt: t0 + 1000 })
  expect(names(one.step(t0 + 1000).ask)).toEqual(['a'])
})

test('an answer that comes after the relay was lost and asked anew counts for nothing', () => {
  const one = keeper(0)
  one.addStatic('s')
  one.granted(only(one.step(t0).ask), t0 + hour, t0)
  const renewal = only(one.step(t0 + 0.7 * hour).ask)
  one.withdraw('s', t0 + 0.7 * hour)
  const again = only(one.step(t0 + 0.7 * hour).ask)
  expect(one.failed(renewal, true, t0 + 0.7 * hour)).toBe(false)
  expect(one.granted(renewal, t0 + 2 * hour, t0 + 0.7 * hour)).toBe(false)
  expect(one.granted(again, t0 + 2 * hour, t0 + 0.7 * hour)).toBe(true)
})

test('when nobody listens any more, reservations end', () => {
  const one = keeper(1)
  one.offer('a')
  one.addStatic('s')
  for (const each of one.step(t0).ask) one.granted(each, t0 + hour, t0)
  one.setWanted(2)
  for (const each of one.step(t0).ask) one.granted(each, t0 + hour, t0)
  one.setWanted(0)
  expect(one.step(t0).ended).toEqual(['a'])
  one.removeStatic('s')
  expect(one.step(t0).ended).toEqual(['s'])
})

test('candidates are bounded, and one that failed does not come back fresh', () => {
  const one = keeper(1, () => 0.5, 10)
  for (let at = 0; at < 1000; at++) one.offer(`r${at}`)
  expect(one.inspect()).toHaveLength(10)
  const asked = only(one.step(t0).ask)
  one.failed(asked, true, t0)
  for (let at = 0; at < 1000; at++) one.withdraw(`r${at}`, t0)
  expect(one.inspect()).toHaveLength(1)
  one.offer(asked.relay)
  expect(one.step(t0).ask).toEqual([])
  one.withdraw(asked.relay, t0)
  one.step(t0 + 1000)
  expect(one.inspect()).toHaveLength(0)
})
