import { TokenBucket } from '@peerloom/bounded'
import type { Clock } from '@peerloom/interface'
import type { YamuxFloodLimits } from './options.ts'

/** Buckets are made when first needed: a well-behaved connection has none. */
export class FloodGuard {
  readonly #limits: YamuxFloodLimits
  readonly #clock: Clock
  #buckets: Partial<Record<keyof YamuxFloodLimits, TokenBucket>> | undefined = undefined

  constructor(limits: YamuxFloodLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /** False when it is too much. */
  allows(kind: keyof YamuxFloodLimits, amount: number): boolean {
    this.#buckets ??= {}
    const bucket = (this.#buckets[kind] ??= new TokenBucket({ ...this.#limits[kind], clock: this.#clock }))
    return bucket.take(amount)
  }
}
