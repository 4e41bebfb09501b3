import {
  type AbortOptions,
  type Channel,
  type ChannelReader,
  type Clock,
  type MuxedStream,
  type Muxer,
  type MuxerOptions,
  PeerloomError,
  toError
} from '@peerloom/interface'
import { endOfTurn, type Flushable } from './end-of-turn.ts'
import type { FramedStream, StreamSender } from './framed-stream.ts'
import { LastFlush } from './last-flush.ts'
import { streamLost } from './stream-lost.ts'
import { Waiters } from './waiters.ts'

export interface FramingOptions {
  /** How long `close()` lets streams send what is queued, in ms. */
  readonly closeTimeoutMs: number
  /** The longest frame of a stream that has the connection for itself, and of one that takes turns with others. */
  readonly frameBytes: number
  readonly sharedFrameBytes: number
}

/**
 * What muxers share that cut a channel into frames: streams take turns at sending, small writes of a turn of the event loop
 * leave together, and a connection ends when its streams have sent what they had.
 */
export abstract class FramedMuxer<S extends FramedStream> implements Muxer, ChannelReader, Flushable, StreamSender {
  abstract readonly protocol: string
  abstract readonly rttMs: number | undefined
  readonly clock: Clock
  protected readonly channel: Channel
  protected readonly settings: MuxerOptions
  protected readonly streamsByKey: Map<number, S> = new Map()
  protected inboundCount = 0
  /** Nothing is sent nor taken any more; the channel may still wait for the end of the remote. */
  protected isOver = false
  readonly #options: FramingOptions
  readonly #lastFlush: LastFlush
  #firstDirty: FramedStream | undefined = undefined
  #lastDirty: FramedStream | undefined = undefined
  #isScheduled = false
  #isSending = false
  #closing: Promise<void> | undefined = undefined
  /** The channel itself is over, and whoever waits for that. */
  #channelOver = false
  #channelGone: Waiters | undefined = undefined

  constructor(channel: Channel, settings: MuxerOptions, options: FramingOptions) {
    this.clock = settings.clock
    this.channel = channel
    this.settings = settings
    this.#options = options
    this.#lastFlush = new LastFlush(settings.clock, options.closeTimeoutMs, () => this.#isFlushed())
  }

  // What the node calls.

  /** Takes over reading the channel. */
  start(): void {
    this.channel.attach(this)
  }

  get streams(): Iterable<MuxedStream> {
    return this.streamsByKey.values()
  }

  get streamCount(): number {
    return this.streamsByKey.size
  }

  abstract open(options?: AbortOptions): Promise<MuxedStream>

  close(options?: AbortOptions): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  abort(error: Error): void {
    // Also when all is over here: the channel may still wait for the end of the remote.
    this.channel.abort(error)
    this.finish(error)
  }

  // What streams call.

  markDirty(stream: FramedStream): void {
    if (!stream.isDirty) {
      stream.isDirty = true
      if (this.#lastDirty === undefined) this.#firstDirty = stream
      else this.#lastDirty.nextDirty = stream
      this.#lastDirty = stream
    }
    this.schedule()
  }

  /** Bulk does not wait for the end of the turn. */
  flushWhole(stream: FramedStream): void {
    if (this.#isSending || this.isOver) return
    if (!this.mayAnnounce(stream as S)) {
      this.#send()
      return
    }
    this.#isSending = true
    try {
      while (this.channel.writable && stream.sendFrame(this.#options.frameBytes, true));
    } finally {
      this.#isSending = false
    }
  }

  /** What a stream still has to send leaves at once when nothing is in its way, and its end with it. */
  flushEnd(stream: FramedStream): void {
    if (!this.#isSending && !this.isOver && this.channel.writable && this.mayAnnounce(stream as S)) {
      this.#isSending = true
      try {
        if (!stream.sendFrame(this.#options.frameBytes, false)) return
      } finally {
        this.#isSending = false
      }
    }
    this.markDirty(stream)
  }

  sendBytes(bytes: Uint8Array): void {
    this.channel.send(bytes)
  }

  // What the channel and the end of the turn call.

  abstract data(bytes: Uint8Array): void
  unkeptBytes = 0
  abstract end(): void

  closed(error?: Error): void {
    this.#channelOver = true
    this.#channelGone?.resolve()
    this.finish(error)
  }

  drain(): void {
    this.schedule()
  }

  flush(): void {
    this.#isScheduled = false
    if (!this.#isSending) this.#send()
  }

  // What a protocol adds.

  /** Sends what waits and belongs to no stream's data. False while the channel takes nothing. */
  protected abstract flushControl(): boolean

  /** Whether the stream may be the next of ours that the remote hears of. */
  protected mayAnnounce(_stream: S): boolean {
    return true
  }

  /** The connection is about to end: the last frame, if there is one. */
  protected sayGoodBye(): void {}

  /** `isOver` has just become true: the protocol lets go of its own. */
  protected abstract letGo(error: Error | undefined): void

  // What a protocol calls.

  protected get isClosing(): boolean {
    return this.#closing !== undefined
  }

  protected schedule(): void {
    if (this.#isScheduled || this.isOver) return
    this.#isScheduled = true
    endOfTurn(this)
  }

  /** A stream that the remote opened, and for which there is room. */
  protected adopt(key: number, stream: S): void {
    this.inboundCount++
    this.streamsByKey.set(key, stream)
    try {
      this.settings.onStream(stream)
    } catch (error) {
      stream.abort(toError(error))
    }
  }

  /** A stream is over. False when that is known. */
  protected forget(key: number, stream: S): boolean {
    if (!this.streamsByKey.delete(key)) return false
    const isInbound = stream.direction === 'inbound'
    if (isInbound) this.inboundCount--
    this.settings.limits.release(isInbound ? 'streamsInbound' : 'streamsOutbound', 1)
    this.#lastFlush.check()
    return true
  }

  /** More answers wait than the remote may leave unread. */
  protected abortUnread(): void {
    this.abort(
      new PeerloomError('ERR_PROTOCOL_VIOLATION', 'the remote asks for answers and reads none', { remote: true })
    )
  }

  protected finish(error: Error | undefined): void {
    if (this.isOver) return
    this.isOver = true
    this.letGo(error)
    if (this.streamsByKey.size > 0) {
      const lost = streamLost(error)
      for (const stream of [...this.streamsByKey.values()]) stream.receiveLoss(lost)
    }
    this.#lastFlush.end()
    this.settings.onClose(error)
  }

  async #close(options?: AbortOptions): Promise<void> {
    if (this.isOver) return
    this.#send()
    try {
      await this.#lastFlush.wait(options)
    } catch (error) {
      this.abort(toError(error))
      throw error
    }
    if (this.isOver) return
    this.sayGoodBye()
    this.finish(undefined)
    await this.channel.close(options)
    if (this.#channelOver) return
    this.#channelGone = new Waiters()
    await this.#channelGone.add(options)
  }

  /** Sends what it can: control first, then streams in turn. */
  #send(): void {
    if (this.isOver) return
    const { channel } = this
    const { frameBytes, sharedFrameBytes } = this.#options
    this.flushControl()
    this.#isSending = true
    try {
      while (this.#firstDirty !== undefined && channel.writable && !this.isOver) {
        const stream: FramedStream = this.#firstDirty
        const isAlone = stream.nextDirty === undefined
        if (!stream.sendFrame(isAlone ? frameBytes : sharedFrameBytes, false)) this.#unlink(stream)
        else if (!isAlone) this.#rotate(stream)
      }
    } finally {
      this.#isSending = false
    }
    this.#lastFlush.check()
  }

  #rotate(stream: FramedStream): void {
    this.#firstDirty = stream.nextDirty
    stream.nextDirty = undefined
    ;(this.#lastDirty as FramedStream).nextDirty = stream
    this.#lastDirty = stream
  }

  /** Takes the first stream off the dirty list. */
  #unlink(stream: FramedStream): void {
    this.#firstDirty = stream.nextDirty
    if (this.#firstDirty === undefined) this.#lastDirty = undefined
    stream.nextDirty = undefined
    stream.isDirty = false
  }

  #isFlushed(): boolean {
    for (const stream of this.streamsByKey.values()) if (stream.hasUnsent) return false
    return true
  }
}
