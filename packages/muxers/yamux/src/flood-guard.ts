import { TokenBucket } from '@peerloom/bounded'
import type { Clock } from '@peerloom/interface'

export type FloodKind = 'ping' | 'reset' | 'idle' | 'discarded'

/** Bounds on what costs a remote nothing to send and us something to take. */
const limits: Record<FloodKind, { readonly ratePerSecond: number; readonly burst: number }> = {
  /** Pings. Implementations send one in 10 to 30 s, some one a stream. */
  ping: { ratePerSecond: 10, burst: 100 },
  /** Streams that the remote resets: opening and resetting is a known way to make a server work for nothing. */
  reset: { ratePerSecond: 500, burst: 4096 },
  /** Frames that move nothing: empty data, window updates of a few bytes, frames for streams that are gone. */
  idle: { ratePerSecond: 2000, burst: 20_000 },
  /** Bytes for streams that we have reset: what was under way may come, an endless flow may not. */
  discarded: { ratePerSecond: 16 * 1024 * 1024, burst: 64 * 1024 * 1024 }
}

/** Buckets are made when first needed: a well-behaved connection has none. */
export class FloodGuard {
  readonly #clock: Clock
  readonly #buckets: Partial<Record<FloodKind, TokenBucket>> = {}

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** False when it is too much. */
  allows(kind: FloodKind, amount = 1): boolean {
    const bucket = (this.#buckets[kind] ??= new TokenBucket({ ...limits[kind], clock: this.#clock }))
    return bucket.take(amount)
  }
}
