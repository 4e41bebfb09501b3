import { type AbortOptions, type Channel, type ChannelReader, PeerloomError } from '@peerloom/interface'
import { ChunkQueue } from './chunk-queue.ts'
import { Waiters } from './waiters.ts'

/** What waits here beyond what was asked for before the channel is paused. */
const highWaterBytes = 64 * 1024

/** Reads exact numbers of bytes from a channel. One read at a time. */
export interface ByteReader {
  /** Exactly `length` bytes. Rejects with ERR_UNEXPECTED_END when the remote ends before. */
  read(length: number, options?: AbortOptions): Promise<Uint8Array>
  /** The next chunk as it comes, at most `limit` bytes; undefined at the end. */
  readSome(limit?: number, options?: AbortOptions): Promise<Uint8Array | undefined>
  /** Gives the channel back, with what was read too far, to the next reader. */
  release(): void
}

class ChannelByteReader implements ByteReader, ChannelReader {
  readonly #channel: Channel
  readonly #queue = new ChunkQueue()
  readonly #changed = new Waiters()
  #wanted = 0
  #ended = false
  #error: Error | undefined

  constructor(channel: Channel) {
    this.#channel = channel
    channel.attach(this)
  }

  async read(length: number, options?: AbortOptions): Promise<Uint8Array> {
    await this.#await(length, options)
    const bytes = this.#queue.take(length)
    if (bytes !== undefined) return bytes
    throw new PeerloomError('ERR_UNEXPECTED_END', `the remote ended ${length - this.#queue.length} bytes early`, {
      remote: true
    })
  }

  async readSome(limit: number = Infinity, options?: AbortOptions): Promise<Uint8Array | undefined> {
    await this.#await(1, options)
    return this.#queue.shift(limit)
  }

  release(): void {
    const rest = this.#queue.take(this.#queue.length) as Uint8Array
    this.#channel.pause()
    this.#channel.unshift(rest)
    this.#channel.attach(undefined)
  }

  data(bytes: Uint8Array): void {
    this.#queue.keep(bytes)
    if (this.#queue.length >= Math.max(this.#wanted, highWaterBytes)) this.#channel.pause()
    if (this.#queue.length >= this.#wanted) this.#changed.resolve()
  }

  end(): void {
    this.#ended = true
    this.#changed.resolve()
  }

  closed(error?: Error): void {
    this.#error = this.#ended ? undefined : error
    this.#ended = true
    this.#changed.resolve()
  }

  async #await(length: number, options?: AbortOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    if (this.#queue.length < length && !this.#ended) {
      this.#wanted = length
      this.#channel.resume()
      if (this.#queue.length < length && !this.#ended) await this.#changed.add(options)
    }
    this.#wanted = 0
    if (this.#error !== undefined && this.#queue.length < length) throw this.#error
  }
}

/**
 * Takes over reading a channel by exact lengths.
 *
 * ```ts
 * const reader = byteReader(stream)
 * const header = await reader.read(8)
 * ```
 */
export function byteReader(channel: Channel): ByteReader {
  return new ChannelByteReader(channel)
}
