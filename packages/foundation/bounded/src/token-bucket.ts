import { PeerloomError, systemClock } from '@peerloom/interface'
import type { Clock } from '@peerloom/interface'

export interface TokenBucketOptions {
  /** Tokens that come back in a second. */
  readonly ratePerSecond: number
  /** The most tokens it holds, and what it starts with. */
  readonly burst: number
  readonly clock?: Pick<Clock, 'now'>
}

/**
 * Limits how often something may happen: bursts, then a steady rate.
 *
 * ```ts
 * const attempts = new TokenBucket({ ratePerSecond: 5, burst: 20 })
 * if (!attempts.take()) refuse()
 * ```
 */
export class TokenBucket {
  readonly #ratePerMs: number
  readonly #burst: number
  readonly #clock: Pick<Clock, 'now'>
  #tokens: number
  #updated: number

  constructor(options: TokenBucketOptions) {
    if (!(options.ratePerSecond >= 0 && options.burst > 0)) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', 'ratePerSecond must be 0 or more, burst above 0')
    }
    this.#ratePerMs = options.ratePerSecond / 1000
    this.#burst = options.burst
    this.#clock = options.clock ?? systemClock
    this.#tokens = options.burst
    this.#updated = this.#clock.now()
  }

  /** What can be taken now. */
  get available(): number {
    this.#refill()
    return this.#tokens
  }

  /** Takes tokens, all or none. */
  take(count = 1): boolean {
    this.#refill()
    if (!(count >= 0 && count <= this.#tokens)) return false
    this.#tokens -= count
    return true
  }

  /** Milliseconds until `take(count)` can succeed: 0 now, Infinity never. */
  waitMs(count = 1): number {
    this.#refill()
    if (count <= this.#tokens) return 0
    if (count > this.#burst) return Number.POSITIVE_INFINITY
    return Math.ceil((count - this.#tokens) / this.#ratePerMs)
  }

  #refill(): void {
    const now = this.#clock.now()
    if (now <= this.#updated) return
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#updated) * this.#ratePerMs)
    this.#updated = now
  }
}
