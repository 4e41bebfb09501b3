import type { Clock } from '@peerloom/interface'
import { nextTurn } from '@peerloom/streams'

/** Something with work to do. */
export interface Worker {
  /** Its turn has come: it does a piece of its work, or waits again. */
  goOn(): void
}

/**
 * Shares the event loop: when the work of one turn has taken long enough, whoever has more waits for a turn to come, in the
 * order of asking. Timers and other connections get theirs in between, whatever peers send.
 */
export class WorkTurns {
  readonly #clock: Clock
  readonly #maxMs: number
  readonly #waiting = new Set<Worker>()
  /** When the work of this turn began; undefined while there was none. */
  #began: number | undefined = undefined

  constructor(clock: Clock, maxMs: number) {
    this.#clock = clock
    this.#maxMs = maxMs
  }

  /** Whether the worker may do a piece of its work now; else it is told when it may. */
  admits(worker: Worker): boolean {
    if (this.#began === undefined) {
      this.#began = this.#clock.now()
      nextTurn(() => this.#next())
    }
    if (!this.#isOver) return true
    this.#waiting.add(worker)
    return false
  }

  get #isOver(): boolean {
    return this.#began !== undefined && this.#clock.now() - this.#began >= this.#maxMs
  }

  /** Who does not get a turn now keeps its place. */
  #next(): void {
    this.#began = undefined
    for (const worker of this.#waiting) {
      if (this.#isOver) return
      this.#waiting.delete(worker)
      worker.goOn()
    }
  }
}
