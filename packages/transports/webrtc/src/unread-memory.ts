import type { StreamHost } from './stream-host.ts'

/** Bytes that may wait to be read on a stream before it asks for memory, and the steps it asks in. */
export const freeBytes: number = 256 * 1024
const stepBytes = 1024 * 1024

type MemoryHost = Pick<StreamHost, 'reserveMemory' | 'releaseMemory'>

/** What a stream has asked its connection for, since its reader leaves much unread. */
export class UnreadMemory {
  readonly #host: MemoryHost
  #reserved = 0

  constructor(host: MemoryHost) {
    this.#host = host
  }

  /** False when there is no memory for so many bytes that wait. */
  reserve(waiting: number): boolean {
    const missing = waiting - freeBytes - this.#reserved
    if (missing <= 0) return true
    const wanted = Math.ceil(missing / stepBytes) * stepBytes
    if (!this.#host.reserveMemory(wanted)) return false
    this.#reserved += wanted
    return true
  }

  release(): void {
    if (this.#reserved > 0) this.#host.releaseMemory(this.#reserved)
    this.#reserved = 0
  }
}
