import type { Clock, Timer } from '@peerloom/interface'

/** Calls at a steady beat. A beat that is late is not made up for by two at once: those that were missed are left out. */
export class Heartbeat {
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #beat: () => void
  readonly #onSkipped: (beats: number) => void
  #timer: Timer | undefined
  #due = 0

  constructor(clock: Clock, everyMs: number, beat: () => void, onSkipped: (beats: number) => void) {
    this.#clock = clock
    this.#everyMs = everyMs
    this.#beat = beat
    this.#onSkipped = onSkipped
  }

  start(): void {
    this.stop()
    this.#due = this.#clock.now() + this.#everyMs
    this.#wait()
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #wait(): void {
    this.#timer = this.#clock.setTimeout(() => this.#run(), this.#due - this.#clock.now())
  }

  #run(): void {
    const missed = Math.floor((this.#clock.now() - this.#due) / this.#everyMs)
    if (missed > 0) this.#onSkipped(missed)
    this.#due += (Math.max(missed, 0) + 1) * this.#everyMs
    // Set before the beat, which may stop it.
    this.#wait()
    this.#beat()
  }
}
