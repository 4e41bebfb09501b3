import { type AbortOptions, type Clock, isPeerloomError } from '@peerloom/interface'
import { Waiters } from './waiters.ts'

/** Waits, when a connection is about to end, until its streams have sent what they had: for a while at most. */
export class LastFlush {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #isFlushed: () => boolean
  #waiters: Waiters | undefined = undefined

  constructor(clock: Clock, timeoutMs: number, isFlushed: () => boolean) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#isFlushed = isFlushed
  }

  /** Resolves when all has been sent, or the time is over. Rejects with the reason of the signal only. */
  async wait(options?: AbortOptions): Promise<void> {
    if (this.#isFlushed()) return
    this.#waiters ??= new Waiters()
    try {
      await this.#waiters.add(options, { clock: this.#clock, timeoutMs: this.#timeoutMs, what: 'closing' })
    } catch (error) {
      if (!isPeerloomError(error, 'ERR_TIMEOUT')) throw error
    }
  }

  /** Something has been sent. */
  check(): void {
    if (this.#waiters !== undefined && this.#isFlushed()) this.#waiters.resolve()
  }

  /** There is nothing to wait for any more. */
  end(): void {
    this.#waiters?.resolve()
  }
}
