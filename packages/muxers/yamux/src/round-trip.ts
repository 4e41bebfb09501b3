import type { Clock } from '@peerloom/interface'

/** A measurement is good for this long, in ms; a ping without an answer for so long is forgotten. */
const freshMs = 10_000

/** Pings of ours: measures round trips and notices silence. Pure but for the clock: the muxer sends what it asks for. */
export class RoundTrip {
  readonly #clock: Clock
  #nextOpaque = 1
  #opaque: number | undefined = undefined
  #sentAt = Number.NEGATIVE_INFINITY
  /** Smoothed, in ms. */
  rttMs: number | undefined = undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether it is time to measure again. */
  get isStale(): boolean {
    return this.#clock.now() - this.#sentAt > freshMs
  }

  /** The value for a ping that is sent now. */
  send(): number {
    this.#opaque = this.#nextOpaque
    this.#nextOpaque = (this.#nextOpaque + 1) >>> 0
    this.#sentAt = this.#clock.now()
    return this.#opaque
  }

  /** An answer came. False when it was not asked for. */
  receive(opaque: number): boolean {
    if (opaque !== this.#opaque) return false
    const sample = this.#clock.now() - this.#sentAt
    this.rttMs = this.rttMs === undefined ? sample : (this.rttMs * 3 + sample) / 4
    this.#opaque = undefined
    return true
  }
}
