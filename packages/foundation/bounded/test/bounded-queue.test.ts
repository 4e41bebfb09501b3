import { expect, test } from 'vitest'
import { BoundedQueue } from '@peerloom/bounded'

test('items leave in the order they came, while the ring grows and wraps', () => {
  const queue = new BoundedQueue<number>()
  let next = 0
  let expected = 0
  for (let round = 0; round < 50; round++) {
    for (let count = 0; count < 7; count++) expect(queue.push(next++)).toBe(true)
    for (let count = 0; count < 5; count++) expect(queue.shift()).toBe(expected++)
  }
  expect([...queue]).toEqual(Array.from({ length: 100 }, (_, index) => expected + index))
  expect(queue.peek()).toBe(expected)
  while (queue.length > 0) expect(queue.shift()).toBe(expected++)
  expect([queue.shift(), queue.peek(), expected]).toEqual([undefined, undefined, next])
})

test('a queue refuses items over its number, and takes more when some have left', () => {
  const queue = new BoundedQueue<number>({ maxItems: 20 })
  for (let item = 0; item < 20; item++) queue.push(item)
  expect(queue.push(20)).toBe(false)
  expect(queue.length).toBe(20)
  queue.shift()
  expect(queue.push(20)).toBe(true)
  expect([...queue].at(-1)).toBe(20)
})

test('a queue refuses bytes over its bound', () => {
  const queue = new BoundedQueue<Uint8Array>({ maxBytes: 100, sizeOf: (chunk) => chunk.length })
  expect(queue.push(new Uint8Array(101))).toBe(false)
  expect([queue.push(new Uint8Array(60)), queue.push(new Uint8Array(41)), queue.push(new Uint8Array(40))]).toEqual([
    true,
    false,
    true
  ])
  expect(queue.bytes).toBe(100)
  queue.shift()
  expect([queue.bytes, queue.length]).toEqual([40, 1])
  queue.clear()
  expect([queue.bytes, queue.length, queue.shift()]).toEqual([0, 0, undefined])
})

test('without bounds of its own a queue ends at 65,536 items', () => {
  const queue = new BoundedQueue<null>()
  let taken = 0
  while (queue.push(null)) taken++
  expect(taken).toBe(65_536)
})

test('bounds that make no sense are refused', () => {
  expect(() => new BoundedQueue({ maxBytes: 10 })).toThrow('sizeOf')
  expect(() => new BoundedQueue({ maxItems: 0 })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }))
  expect(() => new BoundedQueue({ maxBytes: Number.NaN, sizeOf: () => 1 })).toThrow('1 or more')
})
