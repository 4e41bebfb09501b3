import { readVarint, varintLength } from '@peerloom/bounded'
import { type AbortOptions, type Clock, type Direction, PeerloomError, type Timer, toError } from '@peerloom/interface'
import { ChunkQueue, endOfTurn, type Flushable, LengthPrefixedDecoder, StreamBase } from '@peerloom/streams'
import { EarlyFrames } from './early-frames.ts'
import type { RtcChannel, RtcChannelEvents } from './engine-interface.ts'
import {
  creditFrame,
  decodeFrame,
  flag,
  flagFrame,
  type Frame,
  maxPayloadBytes,
  maxReceivedBytes,
  maxSentBytes,
  writeDataHeader
} from './frame.ts'

/**
 * A message that is longer has its length prefix sent alone, as go-libp2p and js-libp2p send it: go-libp2p reads prefixes
 * into a buffer of 4 KiB, and fails when what comes is longer.
 */
const maxWithPrefixBytes = 4096
/** Payload of the first messages, which are never cut in two: the rest is prefix, position, tag and length. */
const maxFirstPayloadBytes = maxWithPrefixBytes - 16
/** The engine holds this much of a stream at most, and calls back when it is down to a quarter. */
const engineHighBytes = 256 * 1024
/** Memory that a stream may take for bytes nobody reads before it asks for more, and the steps it asks in. */
const freeBytes = 256 * 1024
const reserveBytes = 1024 * 1024
/** A remote that goes on after `close()` is told to stop when this much was thrown away. */
const discardedBytes = 64 * 1024
/** How long a remote may take to say its first word on a stream before it is told more all the same. */
const firstAnswerMs = 250
/** Messages without payload that a remote may send on one stream without need. */
const maxIdleMessages = 64

/** Messages are put together here: engines copy what they are given to send. */
let scratch: Uint8Array | undefined

/** What a stream asks of the connection that it is part of. */
export interface StreamHost {
  readonly clock: Clock
  readonly receiveWindowBytes: number
  readonly maxBufferedBytes: number
  readonly finAckTimeoutMs: number
  /** The remote knows credit: it stops sending when it has used up what it was granted. */
  readonly grantsCredit: boolean
  /** The remote has granted credit, so it knows it. */
  onCredit(): void
  reserveMemory(bytes: number): boolean
  releaseMemory(bytes: number): void
  /** The stream is over. `lingers`: its channel is left to the remote to close, or to the host when that takes long. */
  remove(stream: DataChannelStream, channel: RtcChannel, lingers: boolean): void
  /** The remote has closed a channel that was left to it. */
  lingered(channel: RtcChannel): void
}

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
  #reserved = 0
  #idleMessages = 0
  /** The remote may not listen yet: what it is told says where it belongs. */
  #tellsPosition: boolean
  /** Runs while no more than the first message is sent. */
  #firstTimer: Timer | undefined = undefined
  #waitedForRemote = false
  #earlyBytes = 0
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
      const decoder = this.#decoder
      const length = decoder === undefined ? readVarint(bytes, 0) : -1
      const start = length < 0 ? 0 : varintLength(length)
      // The rule: one message with its prefix.
      if (length >= 0 && length <= maxReceivedBytes && start + length === bytes.length) {
        this.#onFrame(bytes.subarray(start))
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
    if (this.#reserved > 0 && this.#received === this.#consumed) this.#releaseMemory()
    this.#grant()
  }

  protected override over(): void {
    this.clock.clearTimeout(this.#finTimer)
    this.#finTimer = undefined
    this.clock.clearTimeout(this.#firstTimer)
    this.#firstTimer = undefined
    this.#loseQueue()
    this.#releaseMemory()
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
      this.#earlyBytes -= next.message?.length ?? 0
      this.#onNext(next)
    }
    if (this.#early.isEmpty || this.isFinished) this.#early = undefined
  }

  /** The remote listens. */
  #onFirst(): void {
    this.#tellsPosition = false
    if (this.#firstTimer === undefined) return
    this.#waitedForRemote = true
    this.clock.clearTimeout(this.#firstTimer)
    this.#firstTimer = undefined
    this.#schedule()
  }

  #keepEarly(frame: Frame, position: number): void {
    this.#early ??= new EarlyFrames()
    this.#earlyBytes += frame.message?.length ?? 0
    const fits = this.#earlyBytes <= this.#host.maxBufferedBytes && position > this.#received
    if (!fits || !this.#early.add(position, frame)) throw violation('messages out of order')
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
    if (waiting > this.#host.maxBufferedBytes || !this.#reserve(waiting)) {
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

  #reserve(waiting: number): boolean {
    const missing = waiting - freeBytes - this.#reserved
    if (missing <= 0) return true
    const wanted = Math.ceil(missing / reserveBytes) * reserveBytes
    if (!this.#host.reserveMemory(wanted)) return false
    this.#reserved += wanted
    return true
  }

  #releaseMemory(): void {
    if (this.#reserved > 0) this.#host.releaseMemory(this.#reserved)
    this.#reserved = 0
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

  /**
   * A remote that does not know positions, and may be on the engine that swaps what comes early (js-libp2p), has its first
   * message alone, until it has answered: in libp2p whoever is asked for a protocol answers at once.
   */
  #holdsBack(): boolean {
    if (!this.#tellsPosition || this.#sent === 0 || this.#waitedForRemote || this.#host.grantsCredit) return false
    this.#firstTimer ??= this.clock.setTimeout(() => {
      this.#firstTimer = undefined
      this.#waitedForRemote = true
      this.#send(false)
    }, firstAnswerMs)
    return true
  }

  /** False when the stream was lost over it. */
  #sendPayload(queue: ChunkQueue, bytes: number): boolean {
    scratch ??= new Uint8Array(maxSentBytes)
    let at = writeDataHeader(scratch, bytes, this.#position)
    for (let left = bytes; left > 0;) {
      const chunk = queue.shift(left) as Uint8Array
      scratch.set(chunk, at)
      at += chunk.length
      left -= chunk.length
    }
    if (queue.length === 0) this.#queue = undefined
    this.#sent += bytes
    let wrote: boolean | undefined
    try {
      // A length between 4 and 16 KiB takes two bytes.
      const prefix = at > maxWithPrefixBytes ? 2 : 0
      if (prefix > 0) this.#channel.send(scratch.slice(0, prefix))
      wrote = this.#channel.send(scratch.subarray(prefix, at))
    } catch {
      this.onClosed()
      return false
    }
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
