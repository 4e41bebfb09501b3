import type { Clock } from '@peerloom/interface'
import { TokenBucket, type TokenBucketOptions } from './token-bucket.ts'

export type FloodLimit = Pick<TokenBucketOptions, 'burst' | 'ratePerSecond'>

/** A token bucket for each kind of thing a connection may be flooded with, made when first needed: most have none. */
export class FloodGuard<Kind extends string> {
  readonly #limits: Readonly<Record<Kind, FloodLimit>>
  readonly #clock: Clock
  #buckets: Partial<Record<Kind, TokenBucket>> | undefined = undefined

  constructor(limits: Readonly<Record<Kind, FloodLimit>>, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /** False when it is too much. */
  allows(kind: Kind, amount: number): boolean {
    this.#buckets ??= {}
    const bucket = (this.#buckets[kind] ??= new TokenBucket({ ...this.#limits[kind], clock: this.#clock }))
    return bucket.take(amount)
  }
}
