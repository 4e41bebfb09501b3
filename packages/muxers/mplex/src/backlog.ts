import type { Scope } from '@peerloom/interface'

/** Whoever has unread bytes. */
export interface Reader {
  readonly unreadBytes: number
}

export interface BacklogOptions {
  readonly maxStreamBufferBytes: number
  readonly maxConnectionBufferBytes: number
  /** Asked for memory in steps, over the first. */
  readonly limits: Scope
}

/** Memory is asked for in such steps; the first is free, so that a moment's delay asks for nothing. */
export const stepBytes: number = 256 * 1024

/**
 * Counts what readers have not read, and says when that is too much: for one of them, for all together, or for the node.
 * Too much it stays until there is half of it. Pure.
 */
export class Backlog {
  readonly #options: BacklogOptions
  /** Those above their share, until they are under half of it. */
  readonly #slow = new Set<Reader>()
  #bytes = 0
  #reserved = 0
  #full = false

  constructor(options: BacklogOptions) {
    this.#options = options
  }

  get isTooMuch(): boolean {
    return this.#full || this.#slow.size > 0
  }

  /** A reader is `delta` bytes further behind than before. */
  grow(reader: Reader, delta: number): void {
    this.#bytes += delta
    if (reader.unreadBytes > this.#options.maxStreamBufferBytes) this.#slow.add(reader)
    if (this.#bytes > this.#options.maxConnectionBufferBytes || !this.#cover()) this.#full = true
  }

  /** A reader has caught up by `delta` bytes. */
  shrink(reader: Reader, delta: number): void {
    if (this.#slow.size > 0 && reader.unreadBytes * 2 <= this.#options.maxStreamBufferBytes) this.#slow.delete(reader)
    this.#lose(delta)
  }

  /** A reader is over; its bytes are no longer ours to count. */
  remove(reader: Reader): void {
    this.#slow.delete(reader)
    this.#lose(reader.unreadBytes)
  }

  /** Who is to blame, of those: all that are above their share, or else the one that is furthest behind. */
  blame<T extends Reader>(readers: Iterable<T>): T[] {
    if (this.#slow.size > 0) return [...readers].filter((reader) => this.#slow.has(reader))
    let worst: T | undefined
    for (const reader of readers) if (reader.unreadBytes > (worst?.unreadBytes ?? 0)) worst = reader
    return worst === undefined ? [] : [worst]
  }

  #lose(bytes: number): void {
    this.#bytes -= bytes
    const needed = this.#needed
    if (this.#reserved > 0 && needed <= this.#reserved / 2) {
      this.#options.limits.release('memory', this.#reserved - needed)
      this.#reserved = needed
    }
    if (this.#full && this.#bytes * 2 <= this.#options.maxConnectionBufferBytes && this.#cover()) this.#full = false
  }

  get #needed(): number {
    return Math.max(0, Math.ceil(this.#bytes / stepBytes) - 1) * stepBytes
  }

  /** Has memory for all that is unread. False when the node gives none. */
  #cover(): boolean {
    const missing = this.#needed - this.#reserved
    if (missing <= 0) return true
    if (!this.#options.limits.reserve('memory', missing)) return false
    this.#reserved += missing
    return true
  }
}
