import type { Clock, Timer } from '@peerloom/interface'
import { nextTurn } from '@peerloom/streams'

interface Entry {
  readonly at: number
  readonly order: number
  readonly callback: () => void
}

/** A clock that stands still until it is told how much time goes by. */
export class ManualClock implements Clock {
  readonly #timers = new Set<Entry>()
  #now: number
  #order = 0

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#now
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const entry = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback }
    this.#timers.add(entry)
    return entry
  }

  clearTimeout(timer: Timer | undefined): void {
    this.#timers.delete(timer as Entry)
  }

  /** Lets time go by: timers that fall due run in their order, and what they set in motion settles in between. */
  async advance(byMs: number): Promise<void> {
    const until = this.#now + byMs
    await settle()
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.callback()
      await settle()
    }
    this.#now = until
  }

  #next(until: number): Entry | undefined {
    let first: Entry | undefined
    for (const timer of this.#timers) {
      if (timer.at > until) continue
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) {
        first = timer
      }
    }
    return first
  }
}

/** A few turns of the event loop: in-process links and promises come to rest. */
export async function settle(turns = 4): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => nextTurn(resolve))
}
