import {
  type AbortOptions,
  type Clock,
  type Connection,
  type Direction,
  type MuxedStream,
  PeerloomError,
  toError
} from '@peerloom/interface'
import { ChannelBase, type WaterMarks } from './channel-base.ts'
import { ChunkIterator } from './chunk-iterator.ts'

const done: Promise<void> = Promise.resolve()

/** What every muxer's stream extends: a channel with the conveniences that applications hold. */
export abstract class StreamBase extends ChannelBase implements MuxedStream {
  readonly direction: Direction
  protocol = ''
  onOver: ((stream: MuxedStream) => void) | undefined = undefined
  #connection: Connection | undefined = undefined

  constructor(direction: Direction, clock: Clock, marks?: WaterMarks) {
    super(clock, marks)
    this.direction = direction
  }

  abstract get id(): string

  get connection(): Connection {
    if (this.#connection === undefined) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', 'the stream was not given a connection yet')
    }
    return this.#connection
  }

  set connection(connection: Connection) {
    this.#connection = connection
  }

  write(bytes: Uint8Array, options?: AbortOptions): Promise<void> {
    try {
      options?.signal?.throwIfAborted()
      return this.send(bytes) ? done : this.drained(options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return new ChunkIterator(this)
  }

  get transient(): AsyncIterable<Uint8Array> {
    return { [Symbol.asyncIterator]: () => new ChunkIterator(this, true) }
  }

  get source(): AsyncIterable<Uint8Array> {
    return this
  }

  async sink(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    try {
      for await (const bytes of source) await this.write(bytes)
    } catch (error) {
      this.abort(toError(error))
      throw error
    }
    await this.closeWrite()
  }

  protected override afterOver(): void {
    this.onOver?.(this)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
