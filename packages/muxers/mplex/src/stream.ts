import { type Direction, PeerloomError } from '@peerloom/interface'
import { ChunkQueue, StreamBase } from '@peerloom/streams'
import type { Reader } from './backlog.ts'
import { flag, headerBytes } from './frame.ts'
import type { MplexMuxer } from './muxer.ts'
import { recordBytes } from './options.ts'

/** One stream: its queue, and how far behind its reader is. */
export class MplexStream extends StreamBase implements Reader {
  readonly streamId: number
  readonly #muxer: MplexMuxer
  /** Most bytes of one frame. */
  readonly #frameBytes: number
  #queue: ChunkQueue | undefined = undefined
  /** Ours to announce, and not announced yet. */
  #unannounced: boolean
  #endQueued = false
  #unread = 0
  /** What of that the muxer knows of: bytes that are read at once are not worth a word. */
  unreadBytes = 0
  /** The dirty list of the muxer is linked through the streams. */
  nextDirty: MplexStream | undefined = undefined
  isDirty = false

  constructor(muxer: MplexMuxer, streamId: number, direction: Direction) {
    super(direction, muxer.clock)
    this.#muxer = muxer
    this.streamId = streamId
    this.#frameBytes = recordBytes - headerBytes(streamId)
    this.#unannounced = direction === 'outbound'
  }

  /** Both sides may use one id. */
  get id(): string {
    return `${this.direction === 'outbound' ? 'o' : 'i'}${this.streamId}`
  }

  /** Data or our end still have to leave. */
  get hasUnsent(): boolean {
    return this.#endQueued || (this.#queue !== undefined && this.#queue.length > 0)
  }

  get remoteHasEnded(): boolean {
    return this.hasRemoteEnded
  }

  // What the muxer calls when frames arrive.

  receive(bytes: Uint8Array): void {
    this.#unread += bytes.length
    this.deliver(bytes)
    const behind = this.#unread - this.unreadBytes
    if (behind <= 0 || this.isFinished) return
    this.unreadBytes += behind
    this.#muxer.fellBehind(this, behind)
  }

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

  // What the muxer calls when it may send.

  /** Sends one frame of what is queued, with `whole` only a full one. Returns whether there is more to send now. */
  sendFrame(limit: number, whole: boolean): boolean {
    if (this.isFinished) return false
    const queued = this.#queue?.length ?? 0
    const most = Math.min(limit, this.#frameBytes)
    if (whole && queued < most) return false
    if (this.#unannounced) {
      this.#unannounced = false
      // Names mean nothing on the wire (Opening a new stream): ours is empty.
      this.#muxer.sendHeader(flag.newStream, this.streamId, 0)
    }
    const bytes = Math.min(queued, most)
    if (bytes > 0) {
      this.#muxer.sendHeader(this.#flag(flag.messageInitiator), this.streamId, bytes)
      for (let left = bytes; left > 0;) {
        const chunk = this.#queue?.shift(left) as Uint8Array
        left -= chunk.length
        this.#muxer.sendBytes(chunk)
      }
      this.dequeued(bytes)
      if (this.isFinished) return false
    }
    const left = this.#queue?.length ?? 0
    if (left > 0) return true
    this.#queue = undefined
    if (!this.#endQueued) return false
    this.#endQueued = false
    this.#muxer.sendHeader(this.#flag(flag.closeInitiator), this.streamId, 0)
    this.writeFinished()
    return false
  }

  // What the base class calls.

  protected override carry(bytes: Uint8Array): void {
    this.#queue ??= new ChunkQueue()
    this.#queue.push(bytes)
    this.queued(bytes.length)
    this.#muxer.markDirty(this)
    if (this.#queue.length >= this.#frameBytes) this.#muxer.flushWhole(this)
  }

  protected override carryEnd(): void {
    this.#endQueued = true
    this.#muxer.flushEnd(this)
  }

  protected override carryReset(): void {
    const queued = this.#queue?.length ?? 0
    this.#queue = undefined
    if (queued > 0) this.queuedBytes -= queued
    // A stream that the remote never heard of needs no good-bye.
    if (!this.#unannounced) this.#muxer.sendControl(this.#flag(flag.resetInitiator), this.streamId)
  }

  protected override consumed(bytes: number): void {
    this.#unread -= bytes
    const caughtUp = this.unreadBytes - this.#unread
    if (caughtUp <= 0 || this.isFinished) return
    this.unreadBytes = this.#unread
    this.#muxer.caughtUp(this, caughtUp)
  }

  protected override over(): void {
    this.#muxer.remove(this)
  }

  /** The flag that says the same for the part we have in this stream. */
  #flag(asInitiator: number): number {
    return this.direction === 'outbound' ? asInitiator : asInitiator - 1
  }
}

export const streamLost = (cause: Error | undefined): PeerloomError =>
  new PeerloomError(
    'ERR_CONNECTION_CLOSED',
    `the connection was closed${cause === undefined ? '' : `: ${cause.message}`}`,
    { cause }
  )
