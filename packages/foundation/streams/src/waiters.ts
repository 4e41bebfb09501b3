import { type AbortOptions, type Clock, PeerloomError, type Timer } from '@peerloom/interface'

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/** Promises that wait for one thing to happen, each with its own signal and bound. */
export class Waiters {
  readonly #waiting = new Set<Waiter>()

  /** Waits; `bound` adds a limit in ms with the name of the wait for its error. */
  add(options: AbortOptions = {}, bound?: { clock: Clock; timeoutMs: number; what: string }): Promise<void> {
    const { signal } = options
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined
      const settle = (): void => {
        this.#waiting.delete(waiter)
        signal?.removeEventListener('abort', onAbort)
        if (bound !== undefined) bound.clock.clearTimeout(timer)
      }
      const waiter: Waiter = {
        resolve: () => {
          settle()
          resolve()
        },
        reject: (error) => {
          settle()
          reject(error)
        }
      }
      const onAbort = (): void => waiter.reject(signal?.reason)
      this.#waiting.add(waiter)
      signal?.addEventListener('abort', onAbort, { once: true })
      if (bound !== undefined) {
        timer = bound.clock.setTimeout(
          () => waiter.reject(new PeerloomError('ERR_TIMEOUT', `${bound.what} took over ${bound.timeoutMs} ms`)),
          bound.timeoutMs
        )
      }
    })
  }

  resolve(): void {
    for (const waiter of this.#waiting) waiter.resolve()
  }

  /** Lets the one that waited longest go on. */
  resolveOne(): void {
    for (const waiter of this.#waiting) {
      waiter.resolve()
      return
    }
  }

  reject(error: unknown): void {
    for (const waiter of this.#waiting) waiter.reject(error)
  }
}
