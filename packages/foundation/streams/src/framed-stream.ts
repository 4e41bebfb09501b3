import type { Clock, Direction } from '@peerloom/interface'
import { ChunkQueue } from './chunk-queue.ts'
import { StreamBase } from './stream-base.ts'

/** What a stream asks of its muxer. */
export interface StreamSender {
  readonly clock: Clock
  /** There is something to send when it is the stream's turn. */
  markDirty(stream: FramedStream): void
  /** There is a whole frame to send. */
  flushWhole(stream: FramedStream): void
  /** What there is to send is the last of it. */
  flushEnd(stream: FramedStream): void
  sendBytes(bytes: Uint8Array): void
}

/** A stream of a muxer that cuts a channel into frames: what waits to be sent, and its place in the turns of the muxer. */
export abstract class FramedStream<M extends StreamSender = StreamSender> extends StreamBase {
  readonly streamId: number
  protected readonly muxer: M
  #queue: ChunkQueue | undefined = undefined
  /** Our end was asked for, and has not left. */
  protected endQueued = false
  /** The dirty list of the muxer is linked through the streams. */
  nextDirty: FramedStream | undefined = undefined
  isDirty = false

  constructor(muxer: M, streamId: number, direction: Direction) {
    super(direction, muxer.clock)
    this.muxer = muxer
    this.streamId = streamId
  }

  /** Data or our end still have to leave. */
  get hasUnsent(): boolean {
    return this.endQueued || this.waiting > 0
  }

  get remoteHasEnded(): boolean {
    return this.hasRemoteEnded
  }

  // What the muxer calls.

  /**
   * Sends one frame of at most `limit` bytes of data. With `whole`, only a frame of that very size. Returns whether there is
   * more to send now.
   */
  abstract sendFrame(limit: number, whole: boolean): boolean

  receiveEnd(): void {
    this.remoteEnd()
  }

  receiveReset(error: Error): void {
    this.#queue = undefined
    this.remoteReset(error)
  }

  /** The connection is gone; what it brought is still read. */
  receiveLoss(error: Error): void {
    this.#queue = undefined
    this.remoteReset(error, true)
  }

  // What a protocol adds, and calls.

  /** Bytes that are worth a frame at once. */
  protected abstract get wholeBytes(): number

  /** Bytes that wait to be sent. */
  protected get waiting(): number {
    return this.#queue === undefined ? 0 : this.#queue.length
  }

  /** Sends this many of the bytes that wait, behind a header that has left. */
  protected sendWaiting(bytes: number): void {
    const queue = this.#queue as ChunkQueue
    for (let left = bytes; left > 0;) {
      const chunk = queue.shift(left) as Uint8Array
      left -= chunk.length
      this.muxer.sendBytes(chunk)
    }
    if (queue.length === 0) this.#queue = undefined
    this.dequeued(bytes)
  }

  // What the base class calls.

  protected override carry(bytes: Uint8Array): void {
    const queue = (this.#queue ??= new ChunkQueue())
    queue.push(bytes)
    this.queued(bytes.length)
    this.muxer.markDirty(this)
    if (queue.length >= this.wholeBytes) this.muxer.flushWhole(this)
  }

  protected override carryEnd(): void {
    this.endQueued = true
    this.muxer.flushEnd(this)
  }

  protected override carryReset(): void {
    this.queuedBytes -= this.waiting
    this.#queue = undefined
  }
}
