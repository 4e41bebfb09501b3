import { FloodGuard } from '@peerloom/bounded'
import {
  type AbortOptions,
  type Channel,
  type MuxedStream,
  type MuxerOptions,
  PeerloomError,
  type Timer
} from '@peerloom/interface'
import { FramedMuxer, streamLost, Waiters } from '@peerloom/streams'
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
import { takeHeaders } from './header-slab.ts'
import { maxFrameBytes, sharedFrameBytes, type YamuxSettings, type YamuxFloodLimits } from './options.ts'
import { RoundTrip } from './round-trip.ts'
import { YamuxStream } from './stream.ts'

export const yamuxProtocol = '/yamux/1.0.0'

const maxStreamId = 0xffff_ffff
/** Window updates below this size are worth a look: some implementations send one for each frame they get. */
const smallUpdateBytes = 1024
/** What a frame for a stream that is gone costs at least. */
const discardedFrameBytes = 256
/** How long a remote that broke the protocol has to take our good-bye. */
const partingMs = 1000

/** One yamux connection (hashicorp's specification with libp2p's additions), either role. */
export class YamuxMuxer extends FramedMuxer<YamuxStream> implements FrameEvents {
  readonly protocol: string = yamuxProtocol
  readonly #options: YamuxSettings
  readonly #parser = new FrameParser(this)
  readonly #roundTrip: RoundTrip
  readonly #floods: FloodGuard<keyof YamuxFloodLimits>
  /** Odd for the side that dialled. */
  readonly #parity: number
  #nextId: number
  /** Own streams with ids below this were announced, or are gone. */
  #nextToAnnounce: number
  #lastRemoteId = 0
  #unacknowledged = 0
  #backlog: Waiters | undefined = undefined
  #grownBytes = 0
  /** The stream whose body is under way, and whether it ends with it. */
  #current: YamuxStream | undefined = undefined
  #currentEnds = false
  /** Frames without a body that wait, three numbers each: type and flags, stream id, length. */
  #control: number[] = []
  /** Data frames that the remote has not answered with a window update. */
  #unansweredFrames = 0
  /** The frame under way opened its stream or is the first to acknowledge it. */
  #isNews = false
  #heard = false
  #asked = false
  #keepAlive: Timer | undefined = undefined
  #parting: Timer | undefined = undefined
  #remoteGone = false

  constructor(channel: Channel, settings: MuxerOptions, options: YamuxSettings) {
    super(channel, settings, { closeTimeoutMs: options.closeTimeoutMs, frameBytes: maxFrameBytes, sharedFrameBytes })
    this.#options = options
    this.#roundTrip = new RoundTrip(settings.clock)
    this.#floods = new FloodGuard(options.floodLimits, settings.clock)
    this.#parity = settings.role === 'initiator' ? 1 : 0
    this.#nextId = settings.role === 'initiator' ? 1 : 2
    this.#nextToAnnounce = this.#nextId
    this.#scheduleKeepAlive(options.keepAliveMs)
  }

  get rttMs(): number | undefined {
    return this.#roundTrip.rttMs
  }

  async open(options?: AbortOptions): Promise<MuxedStream> {
    options?.signal?.throwIfAborted()
    if (this.#unacknowledged >= this.#options.maxUnacknowledged && !this.#isEnding) await this.#waitForTurn(options)
    if (this.#isEnding) throw new PeerloomError('ERR_CONNECTION_CLOSED', 'the connection takes no new streams')
    if (this.#nextId > maxStreamId) throw new PeerloomError('ERR_LIMIT', 'the connection has used all its stream ids')
    if (!this.settings.limits.reserve('streamsOutbound', 1)) {
      this.#backlog?.resolveOne()
      throw new PeerloomError('ERR_LIMIT', 'too many outbound streams are open')
    }
    const stream = new YamuxStream(this, this.#nextId, 'outbound')
    this.#nextId += 2
    this.#unacknowledged++
    this.streamsByKey.set(stream.streamId, stream)
    this.markDirty(stream)
    return stream
  }

  override close(options?: AbortOptions): Promise<void> {
    this.#backlog?.reject(streamLost(undefined))
    return super.close(options)
  }

  // Sending: what streams call.

  sendHeader(type: number, flags: number, streamId: number, length: number): void {
    const header = takeHeaders(1)
    writeHeader(header, 0, type, flags, streamId, length)
    if (type === frameType.data) this.#unansweredFrames++
    this.channel.send(header)
  }

  /** Queues a frame without a body, to leave before data at the end of the turn. */
  sendControl(type: number, flags: number, streamId: number, length: number): void {
    if (this.isOver) return
    this.#control.push((type << 16) | flags, streamId, length)
    if ((this.#control.length / 3) * headerBytes > this.#options.maxControlBytes && !this.flushControl()) {
      this.abortUnread()
      return
    }
    this.schedule()
  }

  /** A stream was announced, or ended before it was. */
  announced(streamId: number): void {
    if (streamId !== this.#nextToAnnounce) return
    do this.#nextToAnnounce += 2
    while (this.#nextToAnnounce < this.#nextId && !this.streamsByKey.has(this.#nextToAnnounce))
  }

  // Windows: what streams ask.

  /** The last round trip in ms; asks for a new measurement when it is old. */
  measureRtt(): number | undefined {
    if (this.#roundTrip.isStale) this.#ping()
    return this.#roundTrip.rttMs
  }

  /** How much a window of this size may grow by; what is granted is counted until the stream is removed. */
  reserveWindow(current: number): number {
    const { maxReceiveWindowBytes, maxConnectionWindowBytes } = this.#options
    const wanted = Math.min(current, maxReceiveWindowBytes - current, maxConnectionWindowBytes - this.#grownBytes)
    if (wanted <= 0 || !this.settings.limits.reserve('memory', wanted)) return 0
    this.#grownBytes += wanted
    return wanted
  }

  /** A stream is over. */
  remove(stream: YamuxStream): void {
    if (!this.forget(stream.streamId, stream)) return
    if (stream.direction === 'outbound') {
      if (stream.streamId === this.#nextToAnnounce) this.announced(stream.streamId)
      if (!stream.isAcknowledged) this.#acknowledged()
    }
    if (stream.grownBytes > 0) {
      this.#grownBytes -= stream.grownBytes
      this.settings.limits.release('memory', stream.grownBytes)
    }
    if (this.#remoteGone && this.streamCount === 0 && !this.isOver) void this.close().catch(() => {})
  }

  // Receiving: what the channel and the parser call.

  data(bytes: Uint8Array): void {
    this.#heard = true
    this.unkeptBytes = this.#parser.push(bytes)
  }

  end(): void {
    const lost = this.#isEnding ? undefined : streamLost(undefined)
    this.finish(lost)
    // Without a go-away nobody is there any more: what waits to be written would wait for nothing.
    if (lost === undefined) void this.channel.close().catch(() => {})
    else this.channel.abort(lost)
  }

  override closed(error?: Error): void {
    this.clock.clearTimeout(this.#parting)
    super.closed(error ?? (this.#isEnding ? undefined : streamLost(undefined)))
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

  onBody(bytes: Uint8Array): number {
    return this.#current === undefined ? bytes.length : this.#current.receive(bytes)
  }

  onBodyEnd(): void {
    const stream = this.#current
    this.#current = undefined
    if (this.#currentEnds) stream?.receiveEnd()
  }

  #onData(flags: number, streamId: number, length: number): boolean {
    const stream = this.#streamFor(flags, streamId)
    if (this.isOver) return false
    if (flags & flag.rst && stream !== undefined) this.#resetByRemote(stream, 0)
    if (stream === undefined || flags & flag.rst) {
      this.#guard('discarded', Math.max(length, discardedFrameBytes))
      return false
    }
    const ends = (flags & flag.fin) !== 0 && !stream.remoteHasEnded
    if (length === 0 && !ends) {
      if (!this.#isNews) this.#guard('idle')
      return false
    }
    if (!stream.expect(length)) return this.#violation(`${length} bytes over the window of stream ${streamId}`)
    if (stream.status === 'closed' || stream.status === 'reset') return false
    this.#current = stream
    this.#currentEnds = ends
    return true
  }

  #onWindowUpdate(flags: number, streamId: number, length: number): void {
    const stream = this.#streamFor(flags, streamId)
    if (this.isOver) return
    if (stream === undefined) {
      this.#spareUpdate()
      return
    }
    if (flags & flag.rst) {
      // The length of a reset is an error code (libp2p's addition); codes are advisory.
      this.#resetByRemote(stream, length)
      return
    }
    const ends = (flags & flag.fin) !== 0 && !stream.remoteHasEnded
    if (length < smallUpdateBytes && !this.#isNews && !ends && !this.#spareUpdate()) return
    if (!stream.grant(length)) {
      this.#violation(`the window of stream ${streamId} over 2^32 - 1`)
      return
    }
    if (ends) stream.receiveEnd()
  }

  #onPing(flags: number, opaque: number): void {
    if (flags & flag.ack) {
      if (!this.#roundTrip.receive(opaque)) this.#guard('idle')
    } else if (this.#guard('ping') && flags & flag.syn) {
      this.sendControl(frameType.ping, flag.ack, 0, opaque)
    }
  }

  #onGoAway(code: number): void {
    if (this.#remoteGone && !this.#guard('idle')) return
    this.#remoteGone = true
    this.#backlog?.reject(
      new PeerloomError('ERR_CONNECTION_CLOSED', 'the remote takes no new streams', { remote: true })
    )
    if (code !== goAwayCode.normal) {
      const what = code === goAwayCode.protocolError ? 'a protocol error' : 'an internal error'
      this.abort(new PeerloomError('ERR_MUXER', `the remote went away with ${what}`, { remote: true }))
      return
    }
    if (this.streamCount === 0) void this.close().catch(() => {})
  }

  /** The stream a frame is for; a new one when it asks for one and may have it. */
  #streamFor(flags: number, streamId: number): YamuxStream | undefined {
    const stream = this.streamsByKey.get(streamId)
    this.#isNews = (flags & flag.syn) !== 0
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
      return undefined
    }
    if (stream.acknowledge()) {
      this.#isNews = true
      this.#acknowledged()
    }
    return stream
  }

  #accept(streamId: number): YamuxStream | undefined {
    this.#lastRemoteId = Math.max(this.#lastRemoteId, streamId)
    const { limits } = this.settings
    const isFull = this.isClosing || this.inboundCount >= this.#options.maxInboundStreams
    if (isFull || !limits.reserve('streamsInbound', 1)) {
      if (this.#guard('refused')) this.sendControl(frameType.windowUpdate, flag.rst, streamId, 0)
      return undefined
    }
    const stream = new YamuxStream(this, streamId, 'inbound')
    this.markDirty(stream) // acknowledges it at the end of the turn, unless an answer does before
    this.adopt(streamId, stream)
    return stream
  }

  #resetByRemote(stream: YamuxStream, code: number): void {
    if (!this.#guard('reset')) return
    const what = code === 0 ? '' : ` with code ${code}`
    stream.receiveReset(new PeerloomError('ERR_CHANNEL_RESET', `the remote reset the stream${what}`, { remote: true }))
  }

  #acknowledged(): void {
    this.#unacknowledged--
    this.#backlog?.resolveOne()
  }

  /** Waits until few enough streams are unacknowledged; in the order of asking, one for each acknowledgement. */
  async #waitForTurn(options: AbortOptions | undefined): Promise<void> {
    const { openTimeoutMs: timeoutMs, maxUnacknowledged } = this.#options
    this.#backlog ??= new Waiters()
    while (this.#unacknowledged >= maxUnacknowledged && !this.#isEnding) {
      await this.#backlog.add(options, { clock: this.clock, timeoutMs, what: 'opening a stream' })
    }
  }

  /** A window update that moves little: there may be one for each data frame of ours. False when there are too many. */
  #spareUpdate(): boolean {
    if (this.#unansweredFrames === 0) return this.#guard('idle')
    this.#unansweredFrames--
    return true
  }

  #guard(kind: keyof YamuxFloodLimits, amount = 1): boolean {
    return this.#floods.allows(kind, amount) || this.#violation(`too much of kind "${kind}"`)
  }

  /** Ends the connection; always false. */
  #violation(what: string): false {
    if (this.isOver) return false
    const error = new PeerloomError('ERR_PROTOCOL_VIOLATION', `yamux: ${what}`, { remote: true })
    const said = this.#goAway(goAwayCode.protocolError)
    this.finish(error)
    if (!said) this.channel.abort(error)
    // The good-bye leaves with the end of the channel; what the remote still sends is not read, and not for long.
    this.channel.close().catch(() => {})
    if (this.channel.status === 'closing') {
      this.#parting = this.clock.setTimeout(() => this.channel.abort(error), partingMs)
    }
    return false
  }

  /** Other implementations end the connection when they see this, whatever is still open: it comes last. */
  protected override sayGoodBye(): void {
    this.#goAway(goAwayCode.normal)
  }

  /** False when the channel takes nothing. */
  #goAway(code: number): boolean {
    try {
      this.sendHeader(frameType.goAway, 0, 0, code)
      return true
    } catch {
      return false
    }
  }

  /** Sends waiting frames without a body in one piece. */
  protected override flushControl(): boolean {
    if (!this.channel.writable) return false
    const control = this.#control
    if (control.length === 0) return true
    this.#control = []
    const frames = takeHeaders(control.length / 3)
    for (let at = 0, offset = 0; at < control.length; at += 3, offset += headerBytes) {
      const kind = control[at] as number
      writeHeader(frames, offset, kind >> 16, kind & 0xffff, control[at + 1] as number, control[at + 2] as number)
    }
    this.channel.send(frames)
    return true
  }

  /** Streams are announced in the order of their ids: not all implementations take them in any other. */
  protected override mayAnnounce(stream: YamuxStream): boolean {
    return stream.isAnnounced || stream.streamId === this.#nextToAnnounce
  }

  #scheduleKeepAlive(delayMs: number): void {
    if (this.#options.keepAliveMs <= 0) return
    this.#keepAlive = this.clock.setTimeout(() => {
      const silent = !this.#heard
      this.#heard = false
      if (silent && this.#asked) {
        this.abort(new PeerloomError('ERR_TIMEOUT', 'the remote does not answer any more', { remote: true }))
        return
      }
      this.#asked = silent
      if (silent || this.#roundTrip.isStale) this.#ping()
      this.#scheduleKeepAlive(silent ? this.#options.keepAliveTimeoutMs : this.#options.keepAliveMs)
    }, delayMs)
  }

  #ping(): void {
    this.sendControl(frameType.ping, flag.syn, 0, this.#roundTrip.send())
  }

  get #isEnding(): boolean {
    return this.isOver || this.#remoteGone || this.isClosing
  }

  protected override letGo(error: Error | undefined): void {
    this.#parser.stop()
    this.clock.clearTimeout(this.#keepAlive)
    this.#control = []
    this.#backlog?.reject(streamLost(error))
  }
}
