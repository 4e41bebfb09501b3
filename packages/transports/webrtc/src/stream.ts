import { type AbortOptions, type Direction, PeerloomError, type Timer, toError } from '@peerloom/interface'
import { ChunkQueue, endOfTurn, type Flushable, LengthPrefixedDecoder, StreamBase } from '@peerloom/streams'
import { maxFirstPayloadBytes, sendData } from './data-message.ts'
import { EarlyFrames } from './early-frames.ts'
import type { RtcChannel, RtcChannelEvents } from './engine-interface.ts'
import { FirstAnswer } from './first-answer.ts'
import {
  creditFrame,
  decodeFrame,
  flag,
  flagFrame,
  type Frame,
  maxPayloadBytes,
  maxReceivedBytes,
  wholeMessage
} from './frame.ts'
import type { StreamHost } from './stream-host.ts'
import { freeBytes, UnreadMemory } from './unread-memory.ts'

/** The engine holds this much of a stream at most, and calls back when it is down to a quarter. */
const engineHighBytes = 256 * 1024
/** A remote that goes on after `close()` is told to stop when this much was thrown away. */
const discardedBytes = 64 * 1024
/** Messages without payload that a remote may send on one stream without need. */
const maxIdleMessages = 64

/** One stream on one data channel, in the framing that gives it half-close and reset (webrtc/README.md). */
export class DataChannelStream extends StreamBase implements RtcChannelEvents, Flushable {
  readonly #channel: RtcChannel
  readonly #host: StreamHost
  #queue: ChunkQueue | undefined = undefined
  /** Messages need not come one to a data channel message. */
  #decoder: LengthPrefixedDecoder | undefined = undefined
  #scheduled = false
  #sending = false
  /** The engine holds enough. */
  #blocked = false
  #endQueued = false
  #finSent = false
  /** The remote reads no more: what is written goes nowhere. */
  #remoteStopped = false
  #saidStop = false
  #saidReset = false
  #closeCalled = false
  /** Payload sent, and how much the remote takes. */
  #sent = 0
  #allowed = Number.POSITIVE_INFINITY
  #received = 0
  #consumed = 0
  /** What the remote was told that we take; 0 before it was told. */
  #granted = 0
  #discarded = 0
  #memory: UnreadMemory | undefined = undefined
  #idleMessages = 0
  /** The remote may not listen yet: what it is told says where it belongs. */
  #tellsPosition: boolean
  #firstAnswer: FirstAnswer | undefined = undefined
  #early: EarlyFrames | undefined = undefined
  #finTimer: Timer | undefined = undefined
  /** The channel was closed before the remote had said all. */
  brokeOff = false

  constructor(channel: RtcChannel, host: StreamHost, direction: Direction) {
    super(direction, host.clock)
    this.#channel = channel
    this.#host = host
    this.#tellsPosition = direction === 'outbound'
    channel.attach(this)
  }

  get id(): string {
    return String(this.#channel.id)
  }

  /** Data or our end have not arrived yet, as far as we know. */
  get hasUnsent(): boolean {
    return (
      !this.isFinished &&
      (this.queuedBytes > 0 ||
        this.#finTimer !== undefined ||
        (this.#endQueued && !this.#finSent) ||
        this.#channel.bufferedAmount > 0)
    )
  }

  get remoteHasEnded(): boolean {
    return this.hasRemoteEnded
  }

  override close(options?: AbortOptions): Promise<void> {
    this.#closeCalled = true
    return super.close(options)
  }

  // What the engine calls.

  onOpen(): void {
    this.#send(false)
  }

  onLow(): void {
    this.#blocked = false
    this.#send(false)
  }

  onMessage(bytes: Uint8Array): void {
    if (this.isFinished) return
    try {
      const whole = this.#decoder === undefined ? wholeMessage(bytes) : undefined
      if (whole !== undefined) {
        this.#onFrame(whole)
        return
      }
      this.#decoder ??= new LengthPrefixedDecoder({ maxBytes: maxReceivedBytes })
      this.#decoder.push(bytes, (message) => {
        if (!this.isFinished) this.#onFrame(message)
      })
      if (this.#decoder.pendingBytes === 0) this.#decoder = undefined
    } catch (error) {
      this.abort(toError(error))
    }
  }

  onClosed(): void {
    if (this.isFinished) {
      this.#host.lingered(this.#channel)
      return
    }
    if (this.#endedWithRemote()) return
    this.brokeOff = !this.hasRemoteEnded
    this.remoteReset(new PeerloomError('ERR_CHANNEL_RESET', 'the data channel was closed', { remote: true }), true)
  }

  // What the connection calls.

  /** Grants credit before any is needed. */
  grantFirst(): void {
    this.#granted = this.#host.receiveWindowBytes
    this.#write(creditFrame(this.#granted))
  }

  /** The connection is gone; what it brought is still read. `closed`: the remote has closed it. */
  receiveLoss(error: Error, closed: boolean): void {
    if (closed && this.#endedWithRemote()) return
    this.remoteReset(error, true)
  }

  flush(): void {
    this.#scheduled = false
    this.#send(false)
  }

  // What the base class calls.

  protected override carry(bytes: Uint8Array): void {
    if (this.#remoteStopped) return
    this.#queue ??= new ChunkQueue()
    this.#queue.push(bytes)
    this.queued(bytes.length)
    // Bulk does not wait for the end of the turn.
    if (this.#queue.length >= maxPayloadBytes) this.#send(true)
    this.#schedule()
  }

  protected override carryEnd(): void {
    this.#endQueued = true
    this.#send(false)
  }

  protected override carryReset(): void {
    this.#loseQueue()
    if (this.#channel.isOpen) this.#saidReset = this.#write(flagFrame(flag.reset))
  }

  protected override consumed(bytes: number): void {
    this.#consumed += bytes
    if (this.#received === this.#consumed) this.#memory?.release()
    this.#grant()
  }

  protected override over(): void {
    this.clock.clearTimeout(this.#finTimer)
    this.#finTimer = undefined
    this.#firstAnswer?.end()
    this.#loseQueue()
    this.#memory?.release()
    this.#decoder = undefined
    // Who has opened the channel waits for the other to close it, and who resets it for whoever reads that.
    const lingers = this.#channel.isOpen && (this.direction === 'outbound' || this.#saidReset)
    if (!lingers) this.#channel.close()
    this.#host.remove(this, this.#channel, lingers)
  }

  // Receiving.

  #onFrame(bytes: Uint8Array): void {
    if (this.#tellsPosition) this.#onFirst()
    const frame = decodeFrame(bytes)
    if (frame.position !== undefined && frame.position !== this.#received) {
      this.#keepEarly(frame, frame.position)
      return
    }
    this.#onNext(frame)
    if (this.#early === undefined) return
    for (;;) {
      const next = this.isFinished ? undefined : this.#early.take(this.#received)
      if (next === undefined) break
      this.#onNext(next)
    }
    if (this.#early.isEmpty || this.isFinished) this.#early = undefined
  }

  /** The remote listens. */
  #onFirst(): void {
    this.#tellsPosition = false
    if (this.#firstAnswer?.isAwaited !== true) return
    this.#firstAnswer.end()
    this.#schedule()
  }

  #keepEarly(frame: Frame, position: number): void {
    this.#early ??= new EarlyFrames(this.#host.maxBufferedBytes)
    if (position < this.#received || !this.#early.add(position, frame)) throw violation('messages out of order')
  }

  #onNext(frame: Frame): void {
    const { message } = frame
    if (message !== undefined && message.length > 0) this.#receive(message)
    else if (++this.#idleMessages > maxIdleMessages) throw violation('too many messages without payload')
    if (frame.credit !== undefined && !this.isFinished) this.#onCredit(frame.credit)
    if (frame.flag !== undefined && !this.isFinished) this.#onFlag(frame.flag)
  }

  #receive(message: Uint8Array): void {
    if (this.hasRemoteEnded) throw violation('payload behind its end')
    this.#received += message.length
    const waiting = this.#received - this.#consumed
    if (waiting > this.#host.maxBufferedBytes || !this.#hasMemory(waiting)) {
      const what = `${waiting} bytes wait to be read: the stream cannot hold its remote back`
      throw new PeerloomError('ERR_LIMIT', what, { remote: true })
    }
    if (this.#closeCalled) {
      this.#discarded += message.length
      if (this.#discarded > discardedBytes && !this.#saidStop) {
        this.#saidStop = true
        this.#write(flagFrame(flag.stopSending))
      }
    }
    this.deliver(message)
    if (this.#granted === 0 && !this.isFinished) this.#grant()
  }

  #hasMemory(waiting: number): boolean {
    if (waiting <= freeBytes) return true
    this.#memory ??= new UnreadMemory(this.#host)
    return this.#memory.reserve(waiting)
  }

  /** Tells a remote that knows it how much we take: not for streams of a few bytes, then in steps. */
  #grant(): void {
    const window = this.#host.receiveWindowBytes
    if (!this.#host.grantsCredit || this.hasRemoteEnded || this.isFinished) return
    if (this.#granted === 0 ? this.#received < window / 4 : this.#consumed + window - this.#granted < window / 4) return
    this.#granted = this.#consumed + window
    this.#write(creditFrame(this.#granted))
  }

  #onCredit(total: number): void {
    this.#host.onCredit()
    const before = this.#allowed
    this.#allowed = before === Number.POSITIVE_INFINITY ? total : Math.max(before, total)
    if (this.#allowed - before >= 1024) this.#idleMessages = 0
    this.#send(false)
  }

  #onFlag(value: number): void {
    switch (value) {
      case flag.fin:
        this.#write(flagFrame(flag.finAck))
        this.remoteEnd()
        break
      case flag.finAck:
        if (this.#finSent) this.#acknowledged()
        break
      case flag.reset:
        this.#loseQueue()
        this.remoteReset(new PeerloomError('ERR_CHANNEL_RESET', 'the remote reset the stream', { remote: true }))
        break
      case flag.stopSending:
        this.#remoteStopped = true
        this.dequeued(this.#takeQueue())
        // Behind this some acknowledge no end.
        if (this.#finSent) this.#acknowledged()
        else this.#send(false)
        break
      default:
    }
  }

  /** The remote may go when it has our end and we have its: what is missing then is no more than its acknowledgement. */
  #endedWithRemote(): boolean {
    if (!this.#finSent || !this.hasRemoteEnded) return false
    this.#acknowledged()
    return true
  }

  #acknowledged(): void {
    this.clock.clearTimeout(this.#finTimer)
    this.#finTimer = undefined
    this.writeFinished()
  }

  // Sending.

  #schedule(): void {
    if (this.#scheduled || (this.#queue === undefined && !this.#endQueued) || this.#blocked) return
    this.#scheduled = true
    endOfTurn(this)
  }

  /** Where the next message stands, 0 when that is not to be told. */
  get #position(): number {
    return this.#tellsPosition && this.#sent < 2 ** 32 ? this.#sent : 0
  }

  /** Sends what the engine and the remote take; with `whole`, only full messages. */
  #send(whole: boolean): void {
    if (this.#sending || this.isFinished || !this.#channel.isOpen) return
    this.#sending = true
    try {
      while (this.#queue !== undefined && !this.#blocked && !this.#holdsBack()) {
        const most = this.#tellsPosition ? maxFirstPayloadBytes : maxPayloadBytes
        const bytes = Math.min(this.#queue.length, most, this.#allowed - this.#sent)
        if (bytes <= 0 || (whole && bytes < most)) break
        if (!this.#sendPayload(this.#queue, bytes)) return
      }
    } finally {
      this.#sending = false
    }
    if (this.#endQueued && this.#queue === undefined && !this.#finSent && !this.#holdsBack()) this.#sendFin()
  }

  #holdsBack(): boolean {
    if (!this.#tellsPosition || this.#sent === 0 || this.#host.grantsCredit) return false
    this.#firstAnswer ??= new FirstAnswer(this.clock, () => this.#send(false))
    return this.#firstAnswer.isAwaited
  }

  /** False when the stream was lost over it. */
  #sendPayload(queue: ChunkQueue, bytes: number): boolean {
    const position = this.#position
    this.#sent += bytes
    let wrote: boolean
    try {
      wrote = sendData(this.#channel, queue, bytes, position)
    } catch {
      this.onClosed()
      return false
    }
    if (queue.length === 0) this.#queue = undefined
    if (!wrote && this.#channel.bufferedAmount > engineHighBytes) this.#blocked = true
    // May call whoever waits to write, who may write.
    this.dequeued(bytes)
    return !this.isFinished
  }

  #sendFin(): void {
    this.#finSent = true
    if (!this.#write(flagFrame(flag.fin, this.#position))) return
    const { finAckTimeoutMs } = this.#host
    this.#finTimer = this.clock.setTimeout(() => this.writeFinished(), finAckTimeoutMs)
  }

  /** Sends a message without payload. False when the channel is gone. */
  #write(frame: Uint8Array): boolean {
    try {
      this.#channel.send(frame)
      return true
    } catch {
      if (!this.isFinished && this.status !== 'reset') this.onClosed()
      return false
    }
  }

  #takeQueue(): number {
    const queued = this.#queue?.length ?? 0
    this.#queue = undefined
    return queued
  }

  /** Without telling those who wait to write: they hear of the end. */
  #loseQueue(): void {
    this.queuedBytes -= this.#takeQueue()
  }
}

const violation = (what: string): PeerloomError =>
  new PeerloomError('ERR_PROTOCOL_VIOLATION', `WebRTC stream: ${what}`, { remote: true })
