import type { Clock, Timer } from '@peerloom/interface'

/** How long a remote may take to say its first word on a stream before it is told more all the same. */
const timeoutMs = 250

/**
 * Runs while no more than the first message of a stream is sent: a remote that does not know positions, and may be on the
 * engine that swaps what comes early (js-libp2p), has that alone until it has answered. In libp2p whoever is asked for a
 * protocol answers at once.
 */
export class FirstAnswer {
  readonly #clock: Clock
  #timer: Timer | undefined

  constructor(clock: Clock, onLate: () => void) {
    this.#clock = clock
    this.#timer = clock.setTimeout(() => {
      this.#timer = undefined
      onLate()
    }, timeoutMs)
  }

  get isAwaited(): boolean {
    return this.#timer !== undefined
  }

  /** It is there, or of no use any more. */
  end(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
