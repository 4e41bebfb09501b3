import type { EngineStreamEvents } from '@peerloom/quic-engine'
import { concat } from './varint.ts'

const empty = new Uint8Array(0)

/**
 * Reads the start of a stream of the remote's, and hands what follows to whoever that says it is for. `read` gives undefined
 * while it needs more, else who goes on and how many bytes the start was long; nobody: the stream was dealt with.
 */
export class HeadReader implements EngineStreamEvents {
  readonly #read: (
    bytes: Uint8Array
  ) => { readonly length: number; readonly next: EngineStreamEvents | undefined } | undefined
  #bytes: Uint8Array = empty
  #isRead = false
  #next: EngineStreamEvents | undefined = undefined

  constructor(
    read: (bytes: Uint8Array) => { readonly length: number; readonly next: EngineStreamEvents | undefined } | undefined
  ) {
    this.#read = read
  }

  data(bytes: Uint8Array): void {
    if (this.#isRead) {
      this.#next?.data(bytes)
      return
    }
    this.#bytes = this.#bytes.length === 0 ? bytes : concat(this.#bytes, bytes)
    const head = this.#read(this.#bytes)
    if (head === undefined) return
    const rest = this.#bytes.subarray(head.length)
    this.#isRead = true
    this.#bytes = empty
    this.#next = head.next
    if (rest.length > 0) this.#next?.data(rest)
  }

  end(): void {
    this.#next?.end()
  }

  written(): void {
    this.#next?.written()
  }

  stopped(): void {
    this.#next?.stopped()
  }

  lost(error: Error, carrierLost: boolean): void {
    this.#next?.lost(error, carrierLost)
  }
}
