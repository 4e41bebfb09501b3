import { seededRandom, until } from '@peerloom/conformance'
import { expect, test } from 'vitest'

test('a wait ends with its condition, and fails by its name at the deadline', async () => {
  let looks = 0
  await until('three looks', () => ++looks === 3)
  expect(looks).toBe(3)
  await expect(until('never', () => false, 5)).rejects.toThrow('not within 5 ms: never')
})

test('the same seed gives the same numbers, below the bound', () => {
  const numbers = (seed: number): number[] => {
    const random = seededRandom(seed)
    return Array.from({ length: 1000 }, () => random(7))
  }
  expect(numbers(5)).toEqual(numbers(5))
  expect(numbers(5)).not.toEqual(numbers(6))
  expect(new Set(numbers(5))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]))
})
