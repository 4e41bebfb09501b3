import { doneWith, haveLeft, lastUse, ownBuffer, part } from '@peerloom/streams'
import { expect, test } from 'vitest'
import { ChunkQueue } from '../src/chunk-queue.ts'

function owned(bytes = 10_000): Uint8Array {
  const chunk = new Uint8Array(bytes).fill(1)
  ownBuffer(chunk)
  return chunk
}

test('the memory of a buffer is given back with the last of its bytes, and not before', () => {
  const chunk = owned()
  const { buffer } = chunk
  doneWith(buffer, 4000)
  doneWith(buffer, 5999)
  expect(buffer.byteLength).toBe(10_000)
  ownBuffer(chunk)
  doneWith(buffer, 1)
  expect(buffer.byteLength).toBe(0)
  doneWith(buffer, 1)
})

test('buffers that nobody owns, and small ones, are left alone', () => {
  const foreign = new Uint8Array(10_000)
  doneWith(foreign.buffer, 10_000)
  haveLeft(lastUse(foreign))
  expect(foreign.length).toBe(10_000)
  const small = owned(1000)
  doneWith(small.buffer, 1000)
  expect(small.length).toBe(1000)
})

test('bytes that do not fill their buffer own none of it, unless it is known to be theirs', () => {
  const pool = new ArrayBuffer(10_000)
  ownBuffer(new Uint8Array(pool, 0, 5000))
  doneWith(pool, 10_000)
  expect(pool.byteLength).toBe(10_000)
  ownBuffer(new Uint8Array(pool, 0, 5000), true)
  doneWith(pool, 10_000)
  expect(pool.byteLength).toBe(0)
})

test('bytes that leave are done with when that was said to be their last use', () => {
  const chunk = owned()
  const [first, second] = [chunk.subarray(0, 5000), chunk.subarray(5000)]
  haveLeft(first)
  haveLeft(lastUse(second))
  haveLeft(first)
  expect(chunk.length).toBe(10_000)
  haveLeft(lastUse(first))
  expect(chunk.length).toBe(0)
})

test('a queue cuts and copies without losing whose last use it is', () => {
  const [cut, copied] = [owned(), owned()]
  const queue = new ChunkQueue()
  queue.push(lastUse(cut))
  while (queue.length > 0) haveLeft(queue.shift(300) as Uint8Array)
  expect(cut.length).toBe(0)

  expect(queue.keep(copied)).toBe(0)
  expect(queue.keep(lastUse(part(copied, 0, 1500)))).toBe(1500)
  expect(queue.keep(lastUse(part(copied, 1500, 1600)))).toBe(100)
  expect(copied.length).toBe(10_000)
  doneWith(copied.buffer, 8400)
  expect(copied.length).toBe(0)
  expect(queue.shift()).toBe(copied)
  expect([queue.shift(), queue.shift()].map((bytes) => bytes?.[0])).toEqual([1, 1])
})
