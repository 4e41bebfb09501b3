/** Numbers from 0 to below a bound, the same for the same seed: a failure that prints its seed can be played again. */
export type SeededRandom = (below: number) => number

export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0
  return (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}
