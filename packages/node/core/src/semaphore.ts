import { type AbortOptions, toError } from '@peerloom/interface'

/** Lets a number of callers in at once; the others wait in order. */
export class Semaphore {
  readonly #waiting = new Set<() => void>()
  #free: number

  constructor(permits: number) {
    this.#free = permits
  }

  /** Resolves with what gives the permit back; call it once. */
  enter({ signal }: AbortOptions = {}): Promise<() => void> {
    if (this.#free > 0) {
      this.#free--
      return Promise.resolve(this.#leave)
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(onTurn)
        reject(toError(signal?.reason))
      }
      const onTurn = (): void => {
        signal?.removeEventListener('abort', onAbort)
        resolve(this.#leave)
      }
      if (signal?.aborted === true) {
        reject(toError(signal.reason))
        return
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(onTurn)
    })
  }

  readonly #leave = (): void => {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#free++
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
