import { Random } from '@peerloom/simnet'
import { expect, test } from 'vitest'

test('a seed gives the same numbers always', () => {
  const random = new Random(1)
  // Ours, noted down: they may change with no version, or seeds of old runs mean nothing.
  expect([random.uint32(), random.uint32(), random.uint32()]).toMatchInlineSnapshot(`
    [
      393288148,
      2174103013,
      3814759091,
    ]
  `)
  expect(new Random(1).fork().uint32()).toBe(new Random(1).fork().uint32())
  expect(new Random(2).uint32()).not.toBe(new Random(1).uint32())
})

test('xoshiro128** gives the numbers of its definition', () => {
  // State 1, 2, 3, 4: rotl(2 * 5, 7) * 9 = 11520; then by hand from the definition.
  const rotl = (x: number, k: number): number => (x << k) | (x >>> (32 - k))
  const random = new Random(5)
  const state = stateOf(5)
  for (let round = 0; round < 1000; round++) {
    const [a, b, c, d] = state as [number, number, number, number]
    expect(random.uint32()).toBe(Math.imul(rotl(Math.imul(b, 5), 7), 9) >>> 0)
    const c1 = c ^ a
    const d1 = d ^ b
    state[1] = b ^ c1
    state[0] = a ^ d1
    state[2] = c1 ^ (b << 9)
    state[3] = rotl(d1, 11)
  }
})

/** splitmix32 from a seed, four words. */
function stateOf(seed: number): number[] {
  return [0, 1, 2, 3].map((step) => {
    let z = (seed + Math.imul(0x9e3779b9, step + 1)) | 0
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    z ^= z >>> 15
    return step === 3 ? z | 1 : z
  })
}

test('numbers below a limit are even, and samples have no number twice', () => {
  const random = new Random(11)
  const counts = new Uint32Array(10)
  for (let at = 0; at < 100_000; at++) counts[random.below(10)]!++
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  for (const [count, limit] of [
    [5, 1000],
    [900, 1000],
    [10, 10]
  ] as const) {
    const sample = random.sample(count, limit)
    expect(new Set(sample).size).toBe(count)
    expect(sample.every((value) => value >= 0 && value < limit)).toBe(true)
  }
})
