import {
  type AbortOptions,
  type Channel,
  type ChannelReader,
  type Clock,
  type MuxedStream,
  type Muxer,
  type MuxerOptions,
  PeerloomError,
  type Timer,
  toError
} from '@peerloom/interface'
import { endOfTurn, type Flushable, Waiters } from '@peerloom/streams'
import { FloodGuard, type FloodKind } from './flood-guard.ts'
import {
  allFlags,
  flag,
  type FrameEvents,
  FrameParser,
  frameType,
  goAwayCode,
  headerBytes,
  writeHeader
} from './frame.ts'
import { maxFrameBytes, sharedFrameBytes, type YamuxOptions } from './options.ts'
import { RoundTrip } from './round-trip.ts'
import { streamLost, YamuxStream } from './stream.ts'

export const yamuxProtocol = '/yamux/1.0.0'

const maxStreamId = 0xffff_ffff
/** Headers are cut from slabs of this size. */
const slabBytes = 4096
/** Control frames that may wait for a remote that does not read; above it the connection ends. */
const maxControlBytes = 256 * 1024

/** How long an own stream waits for those before it to be acknowledged, unless the caller says otherwise. */
const openTimeoutMs = 10_000
/** How long a connection that closes waits for its streams to send what they have queued. */
const flushTimeoutMs = 30_000

/** One yamux connection (hashicorp's specification with libp2p's additions), either role. */
export class YamuxMuxer implements Muxer, ChannelReader, Flushable, FrameEvents {
  readonly protocol: string = yamuxProtocol
  readonly clock: Clock
  readonly #channel: Channel
  readonly #settings: MuxerOptions
  readonly #options: Required<YamuxOptions>
  readonly #streams = new Map<number, YamuxStream>()
  readonly #parser = new FrameParser(this)
  readonly #roundTrip: RoundTrip
  readonly #floods: FloodGuard
  /** Odd for the side that dialled. */
  readonly #parity: number
  #nextId: number
  #lastRemoteId = 0
  #inboundCount = 0
  #unacknowledged = 0
  #backlog: Waiters | undefined = undefined
  #grownBytes = 0
  /** The stream whose body is under way, and whether it ends with it. */
  #current: YamuxStream | undefined = undefined
  #currentEnds = false
  #firstDirty: YamuxStream | undefined = undefined
  #lastDirty: YamuxStream | undefined = undefined
  #control: Uint8Array[] = []
  #slab = new Uint8Array(0)
  #slabUsed = 0
  #scheduled = false
  #sending = false
  #heard = false
  #keepAlive: Timer | undefined = undefined
  #closing: Promise<void> | undefined = undefined
  #flushed: Waiters | undefined = undefined
  #remoteGone = false
  #over = false
  /** The channel itself is over, and whoever waits for that. */
  #channelOver = false
  #channelGone: Waiters | undefined = undefined

  constructor(channel: Channel, settings: MuxerOptions, options: Required<YamuxOptions>) {
    this.clock = settings.clock
    this.#channel = channel
    this.#settings = settings
    this.#options = options
    this.#roundTrip = new RoundTrip(settings.clock)
    this.#floods = new FloodGuard(settings.clock)
    this.#parity = settings.role === 'initiator' ? 1 : 0
    this.#nextId = settings.role === 'initiator' ? 1 : 2
    this.#scheduleKeepAlive(options.keepAliveMs)
  }

  /** Takes over reading the channel. */
  start(): void {
    this.#channel.attach(this)
  }

  get streams(): Iterable<MuxedStream> {
    return this.#streams.values()
  }

  get streamCount(): number {
    return this.#streams.size
  }

  get rttMs(): number | undefined {
    return this.#roundTrip.rttMs
  }

  async open(options: AbortOptions & { readonly timeoutMs?: number } = {}): Promise<MuxedStream> {
    while (this.#unacknowledged >= this.#options.maxUnacknowledged && !this.#isEnding) {
      this.#backlog ??= new Waiters()
      const timeoutMs = options.timeoutMs ?? openTimeoutMs
      await this.#backlog.add(options, { clock: this.clock, timeoutMs, what: 'opening a stream' })
    }
    if (this.#isEnding) throw new PeerloomError('ERR_CONNECTION_CLOSED', 'the connection takes no new streams')
    if (this.#nextId > maxStreamId) throw new PeerloomError('ERR_LIMIT', 'the connection has used all its stream ids')
    if (!this.#settings.limits.reserve('streamsOutbound', 1)) {
      throw new PeerloomError('ERR_LIMIT', 'too many outbound streams are open')
    }
    const stream = new YamuxStream(this, this.#nextId, 'outbound')
    this.#nextId += 2
    this.#unacknowledged++
    this.#streams.set(stream.streamId, stream)
    this.markDirty(stream)
    return stream
  }

  close(options?: AbortOptions): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  abort(error: Error): void {
    // Also when all is over here: the channel may still wait for the good-bye of the remote.
    this.#channel.abort(error)
    this.#finish(error)
  }

  // Sending: what streams call.

  markDirty(stream: YamuxStream): void {
    if (!stream.isDirty) {
      stream.isDirty = true
      if (this.#lastDirty === undefined) this.#firstDirty = stream
      else this.#lastDirty.nextDirty = stream
      this.#lastDirty = stream
    }
    this.#schedule()
  }

  /** A stream has a whole record's worth: bulk does not wait for the end of the turn. */
  flushWhole(stream: YamuxStream): void {
    if (this.#sending || this.#over) return
    if (!stream.isAnnounced) {
      // Streams that were opened before it are still to be announced: the remote may count on the order of ids.
      this.#send()
      return
    }
    this.#sending = true
    while (this.#channel.writable && stream.sendFrame(maxFrameBytes, true));
    this.#sending = false
  }

  flush(): void {
    this.#scheduled = false
    if (!this.#sending) this.#send()
  }

  sendHeader(type: number, flags: number, streamId: number, length: number): void {
    this.#channel.send(this.#header(type, flags, streamId, length))
  }

  sendBytes(bytes: Uint8Array): void {
    this.#channel.send(bytes)
  }

  /** Queues a frame without a body, to leave before data at the end of the turn. */
  sendControl(type: number, flags: number, streamId: number, length: number): void {
    if (this.#over) return
    this.#control.push(this.#header(type, flags, streamId, length))
    if (this.#control.length * headerBytes > maxControlBytes) {
      this.abort(
        new PeerloomError('ERR_PROTOCOL_VIOLATION', 'the remote asks for answers and reads none', { remote: true })
      )
      return
    }
    this.#schedule()
  }

  // Windows: what streams ask.

  /** The last round trip in ms; asks for a new measurement when it is old. */
  measureRtt(): number | undefined {
    if (this.#roundTrip.isStale) this.sendControl(frameType.ping, flag.syn, 0, this.#roundTrip.send())
    return this.#roundTrip.rttMs
  }

  /** How much a window of this size may grow by; what is granted is counted until the stream is removed. */
  reserveWindow(current: number): number {
    const { maxReceiveWindowBytes, maxConnectionWindowBytes } = this.#options
    const wanted = Math.min(current, maxReceiveWindowBytes - current, maxConnectionWindowBytes - this.#grownBytes)
    if (wanted <= 0 || !this.#settings.limits.reserve('memory', wanted)) return 0
    this.#grownBytes += wanted
    return wanted
  }

  /** A stream is over. */
  remove(stream: YamuxStream): void {
    if (!this.#streams.delete(stream.streamId)) return
    const { limits } = this.#settings
    if (stream.direction === 'inbound') {
      this.#inboundCount--
      limits.release('streamsInbound', 1)
    } else {
      limits.release('streamsOutbound', 1)
      if (!stream.isAcknowledged) this.#acknowledged()
    }
    if (stream.grownBytes > 0) {
      this.#grownBytes -= stream.grownBytes
      limits.release('memory', stream.grownBytes)
    }
    if (this.#closing !== undefined) this.#checkFlushed()
    else if (this.#remoteGone && this.#streams.size === 0 && !this.#over) void this.close().catch(() => {})
  }

  // Receiving: what the channel and the parser call.

  data(bytes: Uint8Array): void {
    this.#heard = true
    this.#parser.push(bytes)
  }

  end(): void {
    if (!this.#over) this.#finish(this.#isEnding ? undefined : streamLost(undefined))
    void this.#channel.close().catch(() => {})
  }

  closed(error?: Error): void {
    this.#channelOver = true
    this.#channelGone?.resolve()
    if (!this.#over) this.#finish(error ?? (this.#isEnding ? undefined : streamLost(undefined)))
  }

  drain(): void {
    this.#schedule()
  }

  onHeader(version: number, type: number, flags: number, streamId: number, length: number): boolean {
    if (version !== 0) return this.#violation(`version ${version}`)
    if ((flags & ~allFlags) !== 0) return this.#violation(`flags ${flags}`)
    switch (type) {
      case frameType.data:
        return this.#onData(flags, streamId, length)
      case frameType.windowUpdate:
        this.#onWindowUpdate(flags, streamId, length)
        return false
      case frameType.ping:
        this.#onPing(flags, length)
        return false
      case frameType.goAway:
        this.#onGoAway(length)
        return false
      default:
        return this.#violation(`frame type ${type}`)
    }
  }

  onBody(bytes: Uint8Array): void {
    this.#current?.receive(bytes)
  }

  onBodyEnd(): void {
    const stream = this.#current
    this.#current = undefined
    if (this.#currentEnds) stream?.receiveEnd()
  }

  #onData(flags: number, streamId: number, length: number): boolean {
    const stream = this.#streamFor(flags, streamId)
    if (stream === undefined) {
      if (!this.#over && length > 0) this.#guard('discarded', length)
      return false
    }
    if (flags & flag.rst) {
      this.#resetByRemote(stream, length)
      return false
    }
    if (length === 0 && (flags & (flag.fin | flag.syn)) === 0 && !this.#guard('idle')) return false
    if (!stream.expect(length)) return this.#violation(`${length} bytes over the window of stream ${streamId}`)
    if (stream.status === 'closed' || stream.status === 'reset') return false
    this.#current = stream
    this.#currentEnds = (flags & flag.fin) !== 0
    return true
  }

  #onWindowUpdate(flags: number, streamId: number, length: number): void {
    const stream = this.#streamFor(flags, streamId)
    if (stream === undefined) return
    if (flags & flag.rst) {
      // The length of a reset is an error code (libp2p's addition); codes are advisory.
      this.#resetByRemote(stream, length)
      return
    }
    if (length < 1024 && (flags & (flag.syn | flag.ack | flag.fin)) === 0 && !this.#guard('idle')) return
    if (!stream.grant(length)) {
      this.#violation(`the window of stream ${streamId} over 2^32 - 1`)
      return
    }
    if (flags & flag.fin) stream.receiveEnd()
  }

  #onPing(flags: number, opaque: number): void {
    if (flags & flag.ack) this.#roundTrip.receive(opaque)
    else if (flags & flag.syn && this.#guard('ping')) this.sendControl(frameType.ping, flag.ack, 0, opaque)
  }

  #onGoAway(code: number): void {
    this.#remoteGone = true
    this.#backlog?.reject(
      new PeerloomError('ERR_CONNECTION_CLOSED', 'the remote takes no new streams', { remote: true })
    )
    if (code !== goAwayCode.normal) {
      const what = code === goAwayCode.protocolError ? 'a protocol error' : 'an internal error'
      this.abort(new PeerloomError('ERR_MUXER', `the remote went away with ${what}`, { remote: true }))
      return
    }
    if (this.#streams.size === 0) void this.close().catch(() => {})
  }

  /** The stream a frame is for; a new one when it asks for one and may have it. */
  #streamFor(flags: number, streamId: number): YamuxStream | undefined {
    const stream = this.#streams.get(streamId)
    if (flags & flag.syn) {
      // Ids need not come in order: rust sends those of streams opened at once as they become ready.
      if (stream !== undefined || streamId === 0 || streamId % 2 === this.#parity) {
        this.#violation(`a new stream with id ${streamId}`)
        return undefined
      }
      return this.#accept(streamId)
    }
    if (stream === undefined) {
      // Streams that are gone may still have frames under way; ids that were never used may not.
      const known = streamId % 2 === this.#parity ? streamId < this.#nextId : streamId <= this.#lastRemoteId
      if (streamId === 0 || !known) this.#violation(`stream ${streamId} was never opened`)
      else this.#guard('idle')
      return undefined
    }
    if (stream.acknowledge()) this.#acknowledged()
    return stream
  }

  #accept(streamId: number): YamuxStream | undefined {
    this.#lastRemoteId = Math.max(this.#lastRemoteId, streamId)
    const { limits, onStream } = this.#settings
    const ending = this.#closing !== undefined
    if (ending || this.#inboundCount >= this.#options.maxInboundStreams || !limits.reserve('streamsInbound', 1)) {
      if (this.#guard('reset')) this.sendControl(frameType.windowUpdate, flag.rst, streamId, 0)
      return undefined
    }
    const stream = new YamuxStream(this, streamId, 'inbound')
    this.#inboundCount++
    this.#streams.set(streamId, stream)
    this.markDirty(stream) // acknowledges it at the end of the turn, unless an answer does before
    try {
      onStream(stream)
    } catch (error) {
      stream.abort(toError(error))
    }
    return stream
  }

  #resetByRemote(stream: YamuxStream, code: number): void {
    if (!this.#guard('reset')) return
    const what = code === 0 ? '' : ` with code ${code}`
    stream.receiveReset(new PeerloomError('ERR_CHANNEL_RESET', `the remote reset the stream${what}`, { remote: true }))
  }

  #acknowledged(): void {
    this.#unacknowledged--
    this.#backlog?.resolve()
  }

  #guard(kind: FloodKind, amount?: number): boolean {
    return this.#floods.allows(kind, amount) || this.#violation(`a flood of ${kind} frames`)
  }

  /** Ends the connection; always false. */
  #violation(what: string): false {
    if (this.#over) return false
    this.#channel.send(this.#header(frameType.goAway, 0, 0, goAwayCode.protocolError))
    const error = new PeerloomError('ERR_PROTOCOL_VIOLATION', `yamux: ${what}`, { remote: true })
    // The good-bye leaves with the end of the channel; what the remote still sends is not read.
    this.#finish(error)
    this.#channel.close().catch(() => {})
    return false
  }

  #header(type: number, flags: number, streamId: number, length: number): Uint8Array {
    if (this.#slabUsed + headerBytes > this.#slab.length) {
      this.#slab = new Uint8Array(slabBytes)
      this.#slabUsed = 0
    }
    const at = this.#slabUsed
    this.#slabUsed += headerBytes
    writeHeader(this.#slab, at, type, flags, streamId, length)
    return this.#slab.subarray(at, at + headerBytes)
  }

  #schedule(): void {
    if (this.#scheduled || this.#over) return
    this.#scheduled = true
    endOfTurn(this)
  }

  /** Sends what it can: control frames first, then streams in turn. */
  #send(): void {
    if (this.#over) return
    const channel = this.#channel
    this.#sending = true
    const control = this.#control
    if (control.length > 0) {
      this.#control = []
      for (const frame of control) channel.send(frame)
    }
    while (this.#firstDirty !== undefined && channel.writable && !this.#over) {
      const stream: YamuxStream = this.#firstDirty
      const alone = stream.nextDirty === undefined
      if (!stream.sendFrame(alone ? maxFrameBytes : sharedFrameBytes, false)) this.#unlink(stream)
      else if (!alone) this.#rotate(stream)
    }
    this.#sending = false
    if (this.#closing !== undefined) this.#checkFlushed()
  }

  #rotate(stream: YamuxStream): void {
    this.#firstDirty = stream.nextDirty
    stream.nextDirty = undefined
    ;(this.#lastDirty as YamuxStream).nextDirty = stream
    this.#lastDirty = stream
  }

  /** Takes the first stream off the dirty list. */
  #unlink(stream: YamuxStream): void {
    this.#firstDirty = stream.nextDirty
    if (this.#firstDirty === undefined) this.#lastDirty = undefined
    stream.nextDirty = undefined
    stream.isDirty = false
  }

  #scheduleKeepAlive(delayMs: number): void {
    if (this.#options.keepAliveMs <= 0) return
    this.#keepAlive = this.clock.setTimeout(() => {
      if (this.#over) return
      if (this.#heard) {
        this.#heard = false
        this.#scheduleKeepAlive(this.#options.keepAliveMs)
      } else if (this.#roundTrip.isWaiting) {
        this.abort(new PeerloomError('ERR_TIMEOUT', 'the remote does not answer any more', { remote: true }))
      } else {
        this.sendControl(frameType.ping, flag.syn, 0, this.#roundTrip.send())
        this.#scheduleKeepAlive(this.#options.keepAliveTimeoutMs)
      }
    }, delayMs)
  }

  get #isEnding(): boolean {
    return this.#over || this.#remoteGone || this.#closing !== undefined
  }

  async #close(options?: AbortOptions): Promise<void> {
    if (this.#over) return
    this.#backlog?.reject(streamLost(undefined))
    this.#send()
    if (!this.#isFlushed()) {
      this.#flushed = new Waiters()
      try {
        await this.#flushed.add(options, { clock: this.clock, timeoutMs: flushTimeoutMs, what: 'closing' })
      } catch (error) {
        this.abort(toError(error))
        throw error
      }
    }
    if (this.#over) return
    this.#channel.send(this.#header(frameType.goAway, 0, 0, goAwayCode.normal))
    const closing = this.#channel.close(options)
    this.#finish(undefined)
    await closing
    if (this.#channelOver) return
    this.#channelGone = new Waiters()
    await this.#channelGone.add(options)
  }

  #isFlushed(): boolean {
    for (const stream of this.#streams.values()) if (stream.hasUnsent) return false
    return true
  }

  #checkFlushed(): void {
    if (this.#flushed !== undefined && this.#isFlushed()) this.#flushed.resolve()
  }

  #finish(error: Error | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#parser.stop()
    this.clock.clearTimeout(this.#keepAlive)
    this.#control = []
    if (this.#streams.size > 0 || this.#backlog !== undefined) {
      const lost = streamLost(error)
      this.#backlog?.reject(lost)
      for (const stream of [...this.#streams.values()]) stream.receiveLoss(lost)
    }
    this.#flushed?.resolve()
    this.#settings.onClose(error)
  }
}
