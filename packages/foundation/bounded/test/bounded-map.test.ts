import { expect, test } from 'vitest'
import { BoundedMap } from '@peerloom/bounded'

function manualClock() {
  let time = 1000
  return { now: () => time, pass: (ms: number) => (time += ms) }
}

test('a full map drops the entry that was used longest ago', () => {
  const dropped: string[] = []
  const map = new BoundedMap<string, number>({
    maxEntries: 3,
    onEvict: (key, value, reason) => dropped.push(`${key} ${value} ${reason}`)
  })
  for (const [index, key] of ['a', 'b', 'c'].entries()) map.set(key, index)
  map.get('a')
  map.peek('b')
  map.has('b')
  expect(map.set('d', 3)).toBe(true)
  expect(dropped).toEqual(['b 1 full'])
  map.set('c', 4)
  map.set('e', 5)
  expect([...map.keys()]).toEqual(['d', 'c', 'e'])
  expect(map.size).toBe(3)
})

test('a map that rejects keeps what it has, and can still replace', () => {
  const map = new BoundedMap<string, number>({ maxEntries: 2, whenFull: 'reject' })
  expect([map.set('a', 1), map.set('b', 2), map.set('c', 3), map.set('a', 4)]).toEqual([true, true, false, true])
  expect(Object.fromEntries(map)).toEqual({ a: 4, b: 2 })
  expect(map.delete('a')).toBe(true)
  expect(map.set('c', 3)).toBe(true)
})

test('entries are gone when their time is over, which setting starts anew and using does not', () => {
  const clock = manualClock()
  const dropped: string[] = []
  const map = new BoundedMap<string, number>({
    maxEntries: 10,
    ttlMs: 100,
    clock,
    onEvict: (key, _value, reason) => dropped.push(`${key} ${reason}`)
  })
  map.set('a', 1)
  map.set('b', 2)
  clock.pass(60)
  map.set('b', 3)
  expect(map.get('a')).toBe(1)
  clock.pass(40)
  expect([...map.values()]).toEqual([3])
  expect(map.has('a')).toBe(false)
  expect(map.get('a')).toBe(undefined)
  expect(dropped).toEqual(['a expired'])
  clock.pass(60)
  expect(map.prune()).toBe(1)
  expect([map.size, dropped]).toEqual([0, ['a expired', 'b expired']])
})

test('a full map that rejects makes room by what has expired', () => {
  const clock = manualClock()
  const map = new BoundedMap<number, number>({ maxEntries: 2, whenFull: 'reject', ttlMs: 100, clock })
  map.set(1, 1)
  clock.pass(50)
  map.set(2, 2)
  expect(map.set(3, 3)).toBe(false)
  clock.pass(50)
  expect(map.set(3, 3)).toBe(true)
  expect([...map.keys()]).toEqual([2, 3])
})

test('delete and clear do not count as dropping', () => {
  const map = new BoundedMap<string, number>({
    maxEntries: 2,
    onEvict: () => {
      throw new Error('called')
    }
  })
  map.set('a', 1)
  map.delete('a')
  map.set('b', 1)
  map.clear()
  expect(map.size).toBe(0)
})

test('a map stays at its bound whatever is put into it', () => {
  const map = new BoundedMap<number, number>({ maxEntries: 100 })
  for (let key = 0; key < 10_000; key++) map.set(key, key)
  expect(map.size).toBe(100)
  expect(map.get(9900)).toBe(9900)
})

test('a map without room is refused', () => {
  for (const maxEntries of [0, -1, Number.NaN]) {
    expect(() => new BoundedMap({ maxEntries })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }))
  }
})
