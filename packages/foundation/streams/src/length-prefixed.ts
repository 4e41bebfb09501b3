import { encodeVarint, readVarint, varintLength } from '@peerloom/bounded'
import { type AbortOptions, type Channel, type ChannelReader, PeerloomError, toError } from '@peerloom/interface'
import { ChunkQueue } from './chunk-queue.ts'
import { Waiters } from './waiters.ts'

export interface LengthPrefixedOptions {
  /** Longest message that is read, in bytes. Default 1 MiB. */
  readonly maxBytes?: number
}

const defaultMaxBytes = 1024 * 1024
/** The longest prefix that is looked at: eight bytes hold 2^53, a ninth shows that it is longer. */
const maxPrefixBytes = 9
/** Undelivered bytes above which the channel is paused. */
const highWaterBytes = 64 * 1024

/**
 * Cuts a run of bytes into messages with an unsigned varint length before each. Pure: give it chunks, it gives messages.
 * Throws ERR_MESSAGE_TOO_LARGE and ERR_DECODE.
 */
export class LengthPrefixedDecoder {
  readonly #maxBytes: number
  #queue: ChunkQueue | undefined
  /** Length of the message under way; -1 while its prefix is incomplete. */
  #length = -1

  constructor(options: LengthPrefixedOptions = {}) {
    this.#maxBytes = options.maxBytes ?? defaultMaxBytes
  }

  /** Bytes of an incomplete message. */
  get pendingBytes(): number {
    return (this.#queue?.length ?? 0) + (this.#length >= 0 ? 1 : 0)
  }

  /**
   * Calls `onMessage` for every message that is complete now, until it returns false: then this does, and goes on with the
   * next call, whose chunk may be empty. Messages may be views of `chunk`.
   */
  push(chunk: Uint8Array, onMessage: (message: Uint8Array) => unknown): boolean {
    let at = 0
    // Whole messages inside one chunk need no queue.
    while (this.#queue === undefined && at < chunk.length) {
      if (this.#length < 0) {
        this.#length = checkLength(readVarint(chunk, at), this.#maxBytes)
        if (this.#length < 0) break
        at += varintLength(this.#length)
      }
      if (chunk.length - at < this.#length) break
      const message = chunk.subarray(at, at + this.#length)
      at += this.#length
      this.#length = -1
      if (onMessage(message) !== false) continue
      if (at < chunk.length) this.#keep(chunk.subarray(at))
      return false
    }
    if (at < chunk.length) this.#keep(at === 0 ? chunk : chunk.subarray(at))
    return this.#queue === undefined || this.#drain(this.#queue, onMessage)
  }

  #keep(bytes: Uint8Array): void {
    this.#queue ??= new ChunkQueue()
    this.#queue.keep(bytes)
  }

  #drain(queue: ChunkQueue, onMessage: (message: Uint8Array) => unknown): boolean {
    while (queue.length > 0 || this.#length === 0) {
      if (this.#length < 0) {
        const head = queue.take(Math.min(queue.length, maxPrefixBytes)) as Uint8Array
        this.#length = checkLength(readVarint(head, 0), this.#maxBytes)
        queue.unshift(this.#length < 0 ? head : head.subarray(varintLength(this.#length)))
        if (this.#length < 0) return true
      }
      const message = queue.take(this.#length)
      if (message === undefined) return true
      this.#length = -1
      if (onMessage(message) === false) return false
    }
    this.#queue = undefined
    return true
  }
}

function checkLength(length: number, maxBytes: number): number {
  if (length <= maxBytes) return length
  throw new PeerloomError('ERR_MESSAGE_TOO_LARGE', `message of ${length} bytes, at most ${maxBytes} are read`, {
    remote: true
  })
}

/** Messages over a channel, each with its length before it. */
export interface LengthPrefixed extends AsyncIterable<Uint8Array> {
  /** The next message; undefined when the remote ended between messages, ERR_UNEXPECTED_END inside one. */
  read(options?: AbortOptions): Promise<Uint8Array | undefined>
  /** Queues the message, waits when the queue is full. */
  write(message: Uint8Array, options?: AbortOptions): Promise<void>
  /** Gives the channel back to the next reader, with the messages that were not read. */
  release(): Channel
}

/** Prefix and message as two sends below this size become one. */
const joinBytes = 1024

/** Takes messages out one by one as they are asked for, so that what follows the last one is still there as it came. */
class LengthPrefixedChannel implements LengthPrefixed, ChannelReader {
  readonly #channel: Channel
  readonly #maxBytes: number
  readonly #changed = new Waiters()
  readonly #queue = new ChunkQueue()
  /** Length of the message under way; -1 while its prefix is incomplete. */
  #length = -1
  #ended = false
  #error: Error | undefined

  constructor(channel: Channel, options: LengthPrefixedOptions = {}) {
    this.#channel = channel
    this.#maxBytes = options.maxBytes ?? defaultMaxBytes
    channel.attach(this)
  }

  async read(options?: AbortOptions): Promise<Uint8Array | undefined> {
    options?.signal?.throwIfAborted()
    for (;;) {
      const message = this.#next()
      if (message !== undefined) return message
      if (!this.#ended) {
        // Resuming may deliver at once what the channel holds.
        const before = this.#queue.length
        this.#channel.resume()
        if (this.#queue.length === before && !this.#ended) await this.#changed.add(options)
        continue
      }
      if (this.#error !== undefined) throw this.#error
      if (this.#length < 0 && this.#queue.length === 0) return undefined
      throw new PeerloomError('ERR_UNEXPECTED_END', 'the remote ended inside a message', { remote: true })
    }
  }

  async write(message: Uint8Array, options?: AbortOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    const prefix = encodeVarint(message.length)
    if (message.length < joinBytes) {
      const joined = new Uint8Array(prefix.length + message.length)
      joined.set(prefix)
      joined.set(message, prefix.length)
      if (!this.#channel.send(joined)) await this.#channel.drained(options)
      return
    }
    this.#channel.send(prefix)
    if (!this.#channel.send(message)) await this.#channel.drained(options)
  }

  release(): Channel {
    this.#channel.pause()
    this.#channel.unshift(this.#queue.take(this.#queue.length) ?? new Uint8Array(0))
    if (this.#length >= 0) this.#channel.unshift(encodeVarint(this.#length))
    this.#length = -1
    this.#channel.attach(undefined)
    return this.#channel
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    for (let message = await this.read(); message !== undefined; message = await this.read()) yield message
    return undefined
  }

  data(bytes: Uint8Array): void {
    this.#queue.keep(bytes)
    if (this.#queue.length >= Math.max(this.#length, highWaterBytes)) this.#channel.pause()
    this.#changed.resolve()
  }

  end(): void {
    this.#ended = true
    this.#changed.resolve()
  }

  closed(error?: Error): void {
    if (!this.#ended) this.#error = error
    this.#ended = true
    this.#changed.resolve()
  }

  /** The next message, when it is complete. What breaks the framing resets the channel. */
  #next(): Uint8Array | undefined {
    const queue = this.#queue
    if (this.#length < 0 && queue.length > 0) {
      const head = queue.take(Math.min(queue.length, maxPrefixBytes)) as Uint8Array
      try {
        this.#length = checkLength(readVarint(head, 0), this.#maxBytes)
      } catch (error) {
        this.#channel.abort(toError(error))
        throw error
      }
      const rest = this.#length < 0 ? head : head.subarray(varintLength(this.#length))
      if (rest.length > 0) queue.unshift(rest)
    }
    if (this.#length < 0) return undefined
    const message = queue.take(this.#length)
    if (message !== undefined) this.#length = -1
    return message
  }
}

/** Reads and writes length-prefixed messages on a channel. */
export function lengthPrefixed(channel: Channel, options?: LengthPrefixedOptions): LengthPrefixed {
  return new LengthPrefixedChannel(channel, options)
}
