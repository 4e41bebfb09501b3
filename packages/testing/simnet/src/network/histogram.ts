/** A histogram with buckets of one width, and the exact largest value. */
export class Histogram {
  readonly #width: number
  readonly #buckets: Uint32Array
  #count = 0
  #max = 0
  #sum = 0

  /** Values above `width * buckets` count in the last bucket. */
  constructor(width: number, buckets: number) {
    this.#width = width
    this.#buckets = new Uint32Array(buckets)
  }

  get count(): number {
    return this.#count
  }

  get max(): number {
    return this.#max
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count
  }

  add(value: number): void {
    const at = Math.min(this.#buckets.length - 1, Math.floor(value / this.#width))
    this.#buckets[at] = (this.#buckets[at] as number) + 1
    this.#count++
    this.#sum += value
    if (value > this.#max) this.#max = value
  }

  /** The value that a share of all values does not exceed, rounded up to a bucket's end. */
  quantile(share: number): number {
    let left = Math.ceil(this.#count * share)
    if (left === 0) return 0
    let at = 0
    for (; at < this.#buckets.length - 1; at++) {
      left -= this.#buckets[at] as number
      if (left <= 0) break
    }
    return Math.min((at + 1) * this.#width, this.#max)
  }

  /** About so many points of the distribution: a value, and the share of all that does not exceed it. */
  cdf(points: number): (readonly [value: number, share: number])[] {
    const found: (readonly [number, number])[] = []
    if (this.#count === 0) return found
    const step = this.#count / points
    let seen = 0
    let next = 0
    for (let at = 0; at < this.#buckets.length && seen < this.#count; at++) {
      const here = this.#buckets[at] as number
      if (here === 0) continue
      seen += here
      if (seen < next && seen < this.#count) continue
      found.push([Math.min((at + 1) * this.#width, this.#max), seen / this.#count])
      next = seen + step
    }
    return found
  }

  clear(): void {
    this.#buckets.fill(0)
    this.#count = this.#max = this.#sum = 0
  }
}
