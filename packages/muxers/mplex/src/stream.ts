import type { Direction } from '@peerloom/interface'
import { FramedStream } from '@peerloom/streams'
import type { Reader } from './backlog.ts'
import { flag, headerBytes } from './frame.ts'
import type { MplexMuxer } from './muxer.ts'
import { recordBytes } from './options.ts'

/** One stream, and how far behind its reader is. */
export class MplexStream extends FramedStream<MplexMuxer> implements Reader {
  /** Most bytes of one frame. */
  protected override readonly wholeBytes: number
  /** Ours to announce, and not announced yet. */
  #unannounced: boolean
  #unread = 0
  /** What of that the muxer knows of: bytes that are read at once are not worth a word. */
  unreadBytes = 0

  constructor(muxer: MplexMuxer, streamId: number, direction: Direction) {
    super(muxer, streamId, direction)
    this.wholeBytes = recordBytes - headerBytes(streamId)
    this.#unannounced = direction === 'outbound'
  }

  /** Both sides may use one id. */
  get id(): string {
    return `${this.direction === 'outbound' ? 'o' : 'i'}${this.streamId}`
  }

  // What the muxer calls when frames arrive.

  /** Answers how many of the bytes were not kept. */
  receive(bytes: Uint8Array): number {
    this.#unread += bytes.length
    const done = this.deliver(bytes)
    const behind = this.#unread - this.unreadBytes
    if (behind > 0 && !this.isFinished) {
      this.unreadBytes += behind
      this.muxer.fellBehind(this, behind)
    }
    return done
  }

  // What the muxer calls when it may send.

  override sendFrame(limit: number, whole: boolean): boolean {
    if (this.isFinished) return false
    const queued = this.waiting
    const most = Math.min(limit, this.wholeBytes)
    if (whole && queued < most) return false
    if (this.#unannounced) {
      this.#unannounced = false
      // Names mean nothing on the wire (Opening a new stream): ours is empty.
      this.muxer.sendHeader(flag.newStream, this.streamId, 0)
    }
    const bytes = Math.min(queued, most)
    if (bytes > 0) {
      this.muxer.sendHeader(this.#flag(flag.messageInitiator), this.streamId, bytes)
      this.sendWaiting(bytes)
      if (this.isFinished) return false
    }
    if (this.waiting > 0) return true
    if (!this.endQueued) return false
    this.endQueued = false
    this.muxer.sendHeader(this.#flag(flag.closeInitiator), this.streamId, 0)
    this.writeFinished()
    return false
  }

  // What the base class calls.

  protected override carryReset(): void {
    super.carryReset()
    // A stream that the remote never heard of needs no good-bye.
    if (!this.#unannounced) this.muxer.sendControl(this.#flag(flag.resetInitiator), this.streamId)
  }

  protected override consumed(bytes: number): void {
    this.#unread -= bytes
    const caughtUp = this.unreadBytes - this.#unread
    if (caughtUp <= 0 || this.isFinished) return
    this.unreadBytes = this.#unread
    this.muxer.caughtUp(this, caughtUp)
  }

  protected override over(): void {
    this.muxer.remove(this)
  }

  /** The flag that says the same for the part we have in this stream. */
  #flag(asInitiator: number): number {
    return this.direction === 'outbound' ? asInitiator : asInitiator - 1
  }
}
