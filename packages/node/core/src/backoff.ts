import type { Clock } from '@peerloom/interface'
import { BoundedMap } from '@peerloom/bounded'

interface Failure {
  readonly count: number
  readonly until: number
}

const baseMs = 5000
const stepMs = 1000
const maxMs = 5 * 60_000
const maxEntries = 4096

/** Addresses that failed lately: 5 s after the first failure, 5 s + n² s after the n-th, five minutes at most. */
export class DialBackoff {
  readonly #clock: Clock
  readonly #failures = new BoundedMap<string, Failure>({ maxEntries })

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds until the address may be tried again; 0 for now. */
  waitMs(address: string): number {
    const failure = this.#failures.get(address)
    return failure === undefined ? 0 : Math.max(0, failure.until - this.#clock.now())
  }

  failed(address: string): void {
    const now = this.#clock.now()
    const before = this.#failures.get(address)
    // An address that was left alone for long starts over.
    const count = before === undefined || now - before.until > maxMs ? 0 : before.count + 1
    const delay = Math.min(baseMs + count * count * stepMs, maxMs)
    this.#failures.set(address, { count, until: now + delay })
  }

  succeeded(address: string): void {
    this.#failures.delete(address)
  }

  get size(): number {
    return this.#failures.size
  }
}
