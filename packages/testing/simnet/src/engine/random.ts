const twoToMinus32 = 2 ** -32

/** One round of splitmix32: spreads a seed of few bits over all of them. */
function splitmix32(state: number): number {
  let z = (state + 0x9e3779b9) | 0
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
  return z ^ (z >>> 15)
}

/**
 * Numbers from a seed: xoshiro128** (Blackman and Vigna, 2018), its four words filled by splitmix32. The same on every machine
 * and in every version of the engine, so that a seed names a run. Not for secrets.
 */
export class Random {
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(seed: number) {
    // Words of a seed are steps of one splitmix32 sequence, and never all zero.
    this.#a = splitmix32(seed | 0)
    this.#b = splitmix32((seed + 0x9e3779b9) | 0)
    this.#c = splitmix32((seed + 0x3c6ef372) | 0)
    this.#d = splitmix32((seed + 0xdaa66d2b) | 0) | 1
  }

  /** 0 .. 2^32-1. */
  uint32(): number {
    const b = this.#b
    let result = Math.imul(b, 5)
    result = Math.imul((result << 7) | (result >>> 25), 9)
    this.#c ^= this.#a
    this.#d ^= b
    this.#b = b ^ this.#c
    this.#a ^= this.#d
    this.#c ^= b << 9
    this.#d = (this.#d << 11) | (this.#d >>> 21)
    return result >>> 0
  }

  /** 0 .. 1, 1 excluded, in steps of 2^-32. */
  float(): number {
    return this.uint32() * twoToMinus32
  }

  /** A whole number from 0 up to `limit`, which is excluded and at most 2^32. */
  below(limit: number): number {
    return Math.floor(this.uint32() * twoToMinus32 * limit)
  }

  /** Mixes the list in place (Fisher and Yates). */
  shuffle<T>(list: T[]): T[] {
    for (let at = list.length - 1; at > 0; at--) {
      const other = this.below(at + 1)
      const item = list[at] as T
      list[at] = list[other] as T
      list[other] = item
    }
    return list
  }

  /** `count` different whole numbers below `limit`; all of them, mixed, when there are no more. */
  sample(count: number, limit: number): number[] {
    if (count * 3 >= limit) return this.shuffle(Array.from({ length: limit }, (_, at) => at)).slice(0, count)
    const chosen = new Set<number>()
    while (chosen.size < count) chosen.add(this.below(limit))
    return [...chosen]
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at++) bytes[at] = this.uint32() >>> 24
    return bytes
  }

  /** A sequence of its own, so that what one part draws does not move the numbers of another. */
  fork(): Random {
    return new Random(this.uint32())
  }
}
