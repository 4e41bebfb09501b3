import { expect, test } from 'vitest'
import { channelPair, ChunkQueue, Waiters } from '@peerloom/streams'

const drain = (queue: ChunkQueue): Buffer => {
  const chunks: Uint8Array[] = []
  for (let chunk = queue.shift(); chunk !== undefined; chunk = queue.shift()) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('what is kept comes out as it went in, in whatever portions', () => {
  let state = 7
  const random = (below: number): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) % below
  const queue = new ChunkQueue()
  const given: Uint8Array[] = []
  const taken: Uint8Array[] = []
  for (let step = 0; step < 20_000; step++) {
    if (random(2) === 0) {
      const chunk = Uint8Array.from({ length: 1 + random(random(50) === 0 ? 3000 : 40) }, () => random(256))
      given.push(chunk.slice())
      if (random(4) === 0) queue.push(chunk)
      else {
        queue.keep(chunk)
        if (chunk.length < 1024) chunk.fill(0) // a copy was made
      }
    } else if (random(4) === 0) {
      const bytes = queue.take(random(200))
      if (bytes !== undefined) taken.push(bytes)
    } else {
      const bytes = queue.shift(random(3) === 0 ? Infinity : 1 + random(100))
      if (bytes !== undefined) taken.push(bytes)
    }
  }
  taken.push(drain(queue))
  expect(queue.length).toBe(0)
  expect(Buffer.concat(taken).equals(Buffer.concat(given))).toBe(true)
})

test('single bytes out of large buffers hold on to little more than themselves', () => {
  const queue = new ChunkQueue()
  for (let at = 0; at < 10_000; at++) queue.keep(new Uint8Array(65_536).subarray(at, at + 1))
  const buffers = new Set<ArrayBufferLike>()
  let chunks = 0
  for (let chunk = queue.shift(); chunk !== undefined; chunk = queue.shift()) {
    buffers.add(chunk.buffer)
    chunks++
  }
  expect(chunks).toBeLessThan(30)
  expect([...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(32_768)
})

test("parts of Node's buffers, whose slices are no copies, do not hold on to the rest either", () => {
  const queue = new ChunkQueue()
  queue.keep(Buffer.alloc(65_536).subarray(100, 4196))
  expect(queue.shift()?.buffer.byteLength).toBe(4096)
})

test('a part of a large buffer that waits for a reader does not hold on to the rest', async () => {
  const [a, b] = channelPair()
  a.send(new Uint8Array(65_536).subarray(100, 4196))
  await new Promise((resolve) => setImmediate(resolve))
  const seen: number[] = []
  b.attach({ data: (bytes) => void seen.push(bytes.length, bytes.buffer.byteLength), end() {}, closed() {} })
  expect(seen).toEqual([4096, 4096])
})

test('waiters go on one by one, the longest waiting first', async () => {
  const waiters = new Waiters()
  const done: number[] = []
  const all = [1, 2, 3].map(async (name) => {
    await waiters.add()
    done.push(name)
  })
  waiters.resolveOne()
  await all[0]
  expect(done).toEqual([1])
  waiters.resolve()
  await Promise.all(all)
  expect(done).toEqual([1, 2, 3])
  waiters.resolveOne()
})
