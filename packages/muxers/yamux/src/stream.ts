import type { Direction } from '@peerloom/interface'
import { FramedStream } from '@peerloom/streams'
import { flag, frameType } from './frame.ts'
import { creditStepBytes, initialWindowBytes, maxFrameBytes } from './options.ts'
import type { YamuxMuxer } from './muxer.ts'

/** One stream: its windows, and which flags still have to be sent. */
export class YamuxStream extends FramedStream<YamuxMuxer> {
  #sendWindow = initialWindowBytes
  /** What the remote may still send, and the size that window is kept at. */
  #receiveCredit = initialWindowBytes
  #window = initialWindowBytes
  #consumed = 0
  /** What was consumed of the half window under way, and since when: shows how fast a window is used up. */
  #epochBytes = 0
  #epochStart = 0
  /** SYN or ACK that rides on the next frame. */
  #announce: number
  #acknowledged: boolean

  constructor(muxer: YamuxMuxer, streamId: number, direction: Direction) {
    super(muxer, streamId, direction)
    this.#announce = direction === 'outbound' ? flag.syn : flag.ack
    this.#acknowledged = direction === 'inbound'
  }

  get id(): string {
    return String(this.streamId)
  }

  /** Receive window memory over the initial one. */
  get grownBytes(): number {
    return this.#window - initialWindowBytes
  }

  get isAcknowledged(): boolean {
    return this.#acknowledged
  }

  /** The remote has been told of the stream, or opened it. */
  get isAnnounced(): boolean {
    return this.#announce !== flag.syn
  }

  // What the muxer calls when frames arrive.

  /** The remote has shown that it knows the stream. True the first time. */
  acknowledge(): boolean {
    if (this.#acknowledged) return false
    this.#acknowledged = true
    return true
  }

  /** False when the remote sends more than it was allowed to, or anything behind its end. */
  expect(bytes: number): boolean {
    if (this.hasRemoteEnded || bytes > this.#receiveCredit) return false
    this.#receiveCredit -= bytes
    return true
  }

  /** Answers how many of the bytes were not kept. */
  receive(bytes: Uint8Array): number {
    return this.deliver(bytes)
  }

  /** False when the window would be over 2^32 - 1. */
  grant(bytes: number): boolean {
    this.#sendWindow += bytes
    if (this.#sendWindow > 0xffff_ffff) return false
    if (bytes > 0 && this.hasUnsent) this.muxer.markDirty(this)
    return true
  }

  // What the muxer calls when it may send.

  override sendFrame(limit: number, whole: boolean): boolean {
    if (this.isFinished) return false
    const queued = this.waiting
    const bytes = Math.min(queued, this.#sendWindow, limit)
    if (whole && bytes < limit) return false
    const ends = this.endQueued && bytes === queued
    if (bytes === 0 && !ends && this.#announce === 0) return false
    if (this.#announce === flag.syn) this.muxer.announced(this.streamId)
    if (bytes > 0) {
      this.muxer.sendHeader(frameType.data, this.#announce, this.streamId, bytes)
      this.#announce = 0
      this.#sendWindow -= bytes
      this.sendWaiting(bytes)
    }
    // The end has a frame of its own: go takes note of a data frame's FIN before its body, and may lose the body.
    const flags = this.#announce | (ends ? flag.fin : 0)
    this.#announce = 0
    if (flags !== 0) this.muxer.sendHeader(frameType.windowUpdate, flags, this.streamId, 0)
    if (ends) {
      this.endQueued = false
      this.writeFinished()
      return false
    }
    return this.waiting > 0 && this.#sendWindow > 0
  }

  // What the base class calls.

  protected override get wholeBytes(): number {
    return maxFrameBytes
  }

  protected override carryReset(): void {
    super.carryReset()
    // A stream that the remote never heard of needs no good-bye.
    if (this.#announce !== flag.syn) this.muxer.sendControl(frameType.windowUpdate, flag.rst, this.streamId, 0)
    this.#announce = 0
  }

  protected override consumed(bytes: number): void {
    this.#consumed += bytes
    if (this.#consumed < Math.min(this.#window / 2, creditStepBytes) || this.hasRemoteEnded) return
    const credit = this.#consumed + this.#grow(this.#consumed)
    this.#receiveCredit += credit
    this.#consumed = 0
    this.muxer.sendControl(frameType.windowUpdate, this.#announce, this.streamId, credit)
    this.#announce = 0
  }

  protected override over(): void {
    this.muxer.remove(this)
  }

  /** Half a window used up within a few round trips: the window is what holds the remote back. Gives what it grew by. */
  #grow(consumed: number): number {
    this.#epochBytes += consumed
    if (this.#epochBytes < this.#window / 2) return 0
    const now = this.clock.now()
    const elapsedMs = now - this.#epochStart
    const isFirst = this.#epochStart === 0
    this.#epochBytes = 0
    this.#epochStart = now
    const rttMs = this.muxer.measureRtt()
    // Clocks tick in milliseconds, so a shorter round trip counts as one.
    if (rttMs === undefined || isFirst || elapsedMs > 4 * Math.max(rttMs, 1)) return 0
    const grown = this.muxer.reserveWindow(this.#window)
    this.#window += grown
    return grown
  }
}
