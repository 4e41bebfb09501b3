import { encodeVarint, readVarint, varintLength } from '@peerloom/bounded'
import { type AbortOptions, type Channel, type ChannelReader, PeerloomError } from '@peerloom/interface'
import { ChunkQueue } from './chunk-queue.ts'
import { Waiters } from './waiters.ts'

export interface LengthPrefixedOptions {
  /** Longest message that is read, in bytes. Default 1 MiB. */
  readonly maxBytes?: number
}

const defaultMaxBytes = 1024 * 1024
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

  /** Calls `onMessage` for every message that is complete now. Messages may be views of `chunk`. */
  push(chunk: Uint8Array, onMessage: (message: Uint8Array) => void): void {
    let at = 0
    // Whole messages inside one chunk need no queue.
    while (this.#queue === undefined && at < chunk.length) {
      if (this.#length < 0) {
        this.#length = this.#check(readVarint(chunk, at))
        if (this.#length < 0) break
        at += varintLength(this.#length)
      }
      if (chunk.length - at < this.#length) break
      const message = chunk.subarray(at, at + this.#length)
      at += this.#length
      this.#length = -1
      onMessage(message)
    }
    if (at === chunk.length) return
    this.#queue ??= new ChunkQueue()
    this.#queue.keep(at === 0 ? chunk : chunk.subarray(at))
    this.#drain(onMessage)
  }

  #drain(onMessage: (message: Uint8Array) => void): void {
    const queue = this.#queue as ChunkQueue
    while (queue.length > 0 || this.#length === 0) {
      if (this.#length < 0) {
        const head = queue.take(Math.min(queue.length, 9)) as Uint8Array
        this.#length = this.#check(readVarint(head, 0))
        queue.unshift(this.#length < 0 ? head : head.subarray(varintLength(this.#length)))
        if (this.#length < 0) return
      }
      const message = queue.take(this.#length)
      if (message === undefined) return
      this.#length = -1
      onMessage(message)
    }
    this.#queue = undefined
  }

  #check(length: number): number {
    if (length <= this.#maxBytes) return length
    throw new PeerloomError('ERR_MESSAGE_TOO_LARGE', `message of ${length} bytes, at most ${this.#maxBytes} are read`, {
      remote: true
    })
  }
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

class LengthPrefixedChannel implements LengthPrefixed, ChannelReader {
  readonly #channel: Channel
  readonly #decoder: LengthPrefixedDecoder
  readonly #changed = new Waiters()
  #messages: Uint8Array[] = []
  #bytes = 0
  #ended = false
  #error: Error | undefined
  readonly #take = (message: Uint8Array): void => {
    this.#messages.push(message)
    this.#bytes += message.length
  }

  constructor(channel: Channel, options?: LengthPrefixedOptions) {
    this.#channel = channel
    this.#decoder = new LengthPrefixedDecoder(options)
    channel.attach(this)
  }

  async read(options?: AbortOptions): Promise<Uint8Array | undefined> {
    options?.signal?.throwIfAborted()
    if (this.#messages.length === 0 && !this.#ended) {
      this.#channel.resume()
      if (this.#messages.length === 0 && !this.#ended) await this.#changed.add(options)
    }
    const message = this.#messages.shift()
    if (message !== undefined) {
      this.#bytes -= message.length
      return message
    }
    if (this.#error !== undefined) throw this.#error
    if (this.#decoder.pendingBytes > 0) {
      throw new PeerloomError('ERR_UNEXPECTED_END', 'the remote ended inside a message', { remote: true })
    }
    return undefined
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
    for (const message of this.#messages.toReversed()) {
      this.#channel.unshift(message)
      this.#channel.unshift(encodeVarint(message.length))
    }
    this.#messages = []
    this.#channel.attach(undefined)
    return this.#channel
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    for (let message = await this.read(); message !== undefined; message = await this.read()) yield message
    return undefined
  }

  data(bytes: Uint8Array): void {
    this.#decoder.push(bytes, this.#take)
    if (this.#messages.length === 0) return
    if (this.#bytes >= highWaterBytes || this.#messages.length >= 64) this.#channel.pause()
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
}

/** Reads and writes length-prefixed messages on a channel. */
export function lengthPrefixed(channel: Channel, options?: LengthPrefixedOptions): LengthPrefixed {
  return new LengthPrefixedChannel(channel, options)
}
