import { TokenBucket } from '@peerloom/bounded'
import type { Clock } from '@peerloom/interface'
import type { MplexFloodLimits } from './options.ts'

/** Buckets are made when first needed. */
export class FloodGuard {
  readonly #limits: MplexFloodLimits
  readonly #clock: Clock
  #buckets: Partial<Record<keyof MplexFloodLimits, TokenBucket>> | undefined = undefined

  constructor(limits: MplexFloodLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /** False when it is too much. */
  allows(kind: keyof MplexFloodLimits, amount: number): boolean {
    this.#buckets ??= {}
    const bucket = (this.#buckets[kind] ??= new TokenBucket({ ...this.#limits[kind], clock: this.#clock }))
    return bucket.take(amount)
  }
}
