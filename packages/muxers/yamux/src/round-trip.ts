import type { Clock } from '@peerloom/interface'

/** At most this many measurements in an hour are worth their frames: a new one after this time, in ms. */
const freshMs = 10_000

/** Pings of ours: measures round trips and notices silence. Pure but for the clock: the muxer sends what it asks for. */
export class RoundTrip {
  readonly #clock: Clock
  #nextOpaque = 1
  #opaque: number | undefined
  #sentAt = 0
  #measuredAt = Number.NEGATIVE_INFINITY
  /** Smoothed, in ms. */
  rttMs: number | undefined = undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isWaiting(): boolean {
    return this.#opaque !== undefined
  }

  /** Whether the last measurement is too old to go by. */
  get isStale(): boolean {
    return this.#opaque === undefined && this.#clock.now() - this.#measuredAt > freshMs
  }

  /** The value for a ping that is sent now. */
  send(): number {
    this.#opaque = this.#nextOpaque
    this.#nextOpaque = (this.#nextOpaque + 1) >>> 0
    this.#sentAt = this.#clock.now()
    return this.#opaque
  }

  /** An answer came. One that was not asked for is ignored. */
  receive(opaque: number): void {
    if (opaque !== this.#opaque) return
    const now = this.#clock.now()
    const sample = now - this.#sentAt
    this.rttMs = this.rttMs === undefined ? sample : (this.rttMs * 3 + sample) / 4
    this.#opaque = undefined
    this.#measuredAt = now
  }
}
