import { type Clock, PeerloomError, type Stream, type Timer } from '@peerloom/interface'

/** Sees to it that a run moves: resets the stream when not a byte has moved from one look to the next. */
export class Watch {
  /** Raised by who moves bytes: one addition, no timer, for each chunk. */
  bytes = 0
  readonly #clock: Clock
  #timer: Timer | undefined

  constructor(stream: Stream, clock: Clock, stallMs: number) {
    this.#clock = clock
    let seen = this.bytes
    const look = (): void => {
      if (this.bytes === seen) {
        stream.abort(new PeerloomError('ERR_TIMEOUT', `nothing moved for ${stallMs} ms`, { remote: true }))
        return
      }
      seen = this.bytes
      this.#timer = clock.setTimeout(look, stallMs)
    }
    this.#timer = clock.setTimeout(look, stallMs)
  }

  end(): void {
    this.#clock.clearTimeout(this.#timer)
  }
}
