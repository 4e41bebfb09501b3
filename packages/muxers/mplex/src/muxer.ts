import { FloodGuard } from '@peerloom/bounded'
import {
  type AbortOptions,
  type Channel,
  type ChannelReader,
  type Clock,
  isPeerloomError,
  type MuxedStream,
  type Muxer,
  type MuxerOptions,
  PeerloomError,
  type Timer,
  toError
} from '@peerloom/interface'
import { endOfTurn, type Flushable, Waiters } from '@peerloom/streams'
import { Backlog } from './backlog.ts'
import { encodeHeader, flag, type FrameEvents, FrameParser } from './frame.ts'
import { type MplexSettings, recordBytes, sharedFrameBytes, type MplexFloodLimits } from './options.ts'
import { MplexStream, streamLost } from './stream.ts'

export const mplexProtocol = '/mplex/6.7.0'

/** What a frame for a stream that is gone costs at least. */
const discardedFrameBytes = 256

/** One mplex connection, either role. */
export class MplexMuxer implements Muxer, ChannelReader, Flushable, FrameEvents {
  readonly protocol: string = mplexProtocol
  /** mplex has no way to measure it. */
  readonly rttMs: undefined = undefined
  readonly clock: Clock
  readonly #channel: Channel
  readonly #settings: MuxerOptions
  readonly #options: MplexSettings
  /** Own and remote streams, by `keyOf`. */
  readonly #streams = new Map<number, MplexStream>()
  readonly #parser = new FrameParser(this)
  readonly #floods: FloodGuard<keyof MplexFloodLimits>
  readonly #backlog: Backlog
  /** Odd for the side that dialled (Opening a new stream), although others count by one and from 0 on either side. */
  #nextId: number
  #highestRemoteId = -1
  #inboundCount = 0
  /** The stream whose body is under way. */
  #current: MplexStream | undefined = undefined
  #firstDirty: MplexStream | undefined = undefined
  #lastDirty: MplexStream | undefined = undefined
  /** Resets that wait, two numbers each: flag, stream id. */
  #control: number[] = []
  #scheduled = false
  #sending = false
  /** Set while the connection is held back for readers that are behind. */
  #hold: Timer | undefined = undefined
  #closing: Promise<void> | undefined = undefined
  #flushed: Waiters | undefined = undefined
  #over = false
  /** The channel itself is over, and whoever waits for that. */
  #channelOver = false
  #channelGone: Waiters | undefined = undefined

  constructor(channel: Channel, settings: MuxerOptions, options: MplexSettings) {
    this.clock = settings.clock
    this.#channel = channel
    this.#settings = settings
    this.#options = options
    this.#floods = new FloodGuard(options.floodLimits, settings.clock)
    this.#backlog = new Backlog({ ...options, limits: settings.limits })
    this.#nextId = settings.role === 'initiator' ? 1 : 2
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

  async open(options?: AbortOptions): Promise<MuxedStream> {
    options?.signal?.throwIfAborted()
    if (this.#isEnding) throw new PeerloomError('ERR_CONNECTION_CLOSED', 'the connection takes no new streams')
    const outbound = this.#streams.size - this.#inboundCount
    if (outbound >= this.#options.maxOutboundStreams || !this.#settings.limits.reserve('streamsOutbound', 1)) {
      throw new PeerloomError('ERR_LIMIT', 'too many outbound streams are open')
    }
    const stream = new MplexStream(this, this.#nextId, 'outbound')
    this.#nextId += 2
    this.#streams.set(keyOf(stream.streamId, true), stream)
    this.markDirty(stream)
    return stream
  }

  close(options?: AbortOptions): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  abort(error: Error): void {
    // Also when all is over here: the channel may still wait for the end of the remote.
    this.#channel.abort(error)
    this.#finish(error)
  }

  // Sending: what streams call.

  markDirty(stream: MplexStream): void {
    if (!stream.isDirty) {
      stream.isDirty = true
      if (this.#lastDirty === undefined) this.#firstDirty = stream
      else this.#lastDirty.nextDirty = stream
      this.#lastDirty = stream
    }
    this.#schedule()
  }

  /** A stream has a whole record's worth: bulk does not wait for the end of the turn. */
  flushWhole(stream: MplexStream): void {
    if (this.#sending || this.#over) return
    this.#sending = true
    try {
      while (this.#channel.writable && stream.sendFrame(recordBytes, true));
    } finally {
      this.#sending = false
    }
  }

  /** A stream ends: what it still has to send leaves at once when nothing is in its way, and the end with it. */
  flushEnd(stream: MplexStream): void {
    if (!this.#sending && !this.#over && this.#channel.writable) {
      this.#sending = true
      try {
        if (!stream.sendFrame(recordBytes, false)) return
      } finally {
        this.#sending = false
      }
    }
    this.markDirty(stream)
  }

  flush(): void {
    this.#scheduled = false
    if (this.#hold !== undefined && !this.#backlog.isTooMuch) this.#letGo()
    if (!this.#sending) this.#send()
  }

  sendHeader(flagBits: number, streamId: number, length: number): void {
    this.#channel.send(encodeHeader(flagBits, streamId, length))
  }

  sendBytes(bytes: Uint8Array): void {
    this.#channel.send(bytes)
  }

  /** Queues a reset, to leave before data at the end of the turn. */
  sendControl(flagBits: number, streamId: number): void {
    if (this.#over) return
    this.#control.push(flagBits, streamId)
    if (this.#control.length / 2 > this.#options.maxControlFrames && !this.#flushControl()) {
      this.abort(
        new PeerloomError('ERR_PROTOCOL_VIOLATION', 'the remote asks for answers and reads none', { remote: true })
      )
      return
    }
    this.#schedule()
  }

  // Receiving: what streams call.

  /** The reader of a stream has not taken these bytes: too many of them hold the connection back. */
  fellBehind(stream: MplexStream, bytes: number): void {
    this.#backlog.grow(stream, bytes)
    if (!this.#backlog.isTooMuch || this.#hold !== undefined || this.#over) return
    this.#channel.pause()
    this.#hold = this.clock.setTimeout(() => this.#relieve(), this.#options.holdTimeoutMs)
  }

  caughtUp(stream: MplexStream, bytes: number): void {
    this.#backlog.shrink(stream, bytes)
    // At the end of the turn: a reader is not to be given bytes of others while it is given its own.
    if (this.#hold !== undefined && !this.#backlog.isTooMuch) this.#schedule()
  }

  /** A stream is over. */
  remove(stream: MplexStream): void {
    const isOwn = stream.direction === 'outbound'
    if (!this.#streams.delete(keyOf(stream.streamId, isOwn))) return
    if (!isOwn) this.#inboundCount--
    if (this.#current === stream) this.#current = undefined
    this.#settings.limits.release(isOwn ? 'streamsOutbound' : 'streamsInbound', 1)
    this.#backlog.remove(stream)
    if (this.#hold !== undefined && !this.#backlog.isTooMuch) this.#schedule()
    if (this.#closing !== undefined) this.#checkFlushed()
  }

  // Receiving: what the channel and the parser call.

  data(bytes: Uint8Array): void {
    this.#parser.push(bytes)
  }

  end(): void {
    // There is no go-away: the end of the connection between two frames is the good-bye.
    if (!this.#over && !this.#parser.isBetweenFrames) {
      this.abort(new PeerloomError('ERR_UNEXPECTED_END', 'mplex: the remote ended inside a frame', { remote: true }))
      return
    }
    this.#finish(undefined)
    void this.#channel.close().catch(() => {})
  }

  closed(error?: Error): void {
    this.#channelOver = true
    this.#channelGone?.resolve()
    this.#finish(error)
  }

  drain(): void {
    this.#schedule()
  }

  onGarbage(what: string): void {
    this.#violation(what)
  }

  onHeader(flagBits: number, id: number, length: number): boolean {
    if (length > this.#options.maxFrameBytes) return this.#violation(`a frame of ${length} bytes`)
    if (flagBits === flag.newStream) {
      if (length > this.#options.maxNameBytes) return this.#violation(`a name of ${length} bytes`)
      this.#accept(id)
      return false
    }
    const isOwn = flagBits % 2 === 1
    const stream = this.#streams.get(keyOf(id, isOwn))
    if (stream === undefined) {
      // Streams that are gone may still have frames under way; ids that were never used may not.
      if (isOwn ? id >= this.#nextId || id % 2 !== this.#nextId % 2 : id > this.#highestRemoteId) {
        return this.#violation(`stream ${id} was never opened`)
      }
      this.#guard('discarded', Math.max(length, discardedFrameBytes))
      return false
    }
    switch (flagBits) {
      case flag.messageInitiator:
      case flag.messageReceiver:
        return this.#onMessage(stream, length)
      case flag.closeInitiator:
      case flag.closeReceiver:
        if (length > 0) this.#guard('discarded', length)
        if (stream.remoteHasEnded) this.#guard('idle')
        else if (!this.#over) stream.receiveEnd()
        return false
      case flag.resetInitiator:
      case flag.resetReceiver:
        if (length > 0) this.#guard('discarded', length)
        if (!this.#over && this.#guard('reset')) {
          stream.receiveReset(new PeerloomError('ERR_CHANNEL_RESET', 'the remote reset the stream', { remote: true }))
        }
        return false
      default:
        return this.#violation(`flag ${flagBits}`)
    }
  }

  onBody(bytes: Uint8Array): void {
    const stream = this.#current
    // It may have been reset since its frame began.
    if (stream === undefined) this.#guard('discarded', bytes.length)
    else stream.receive(bytes)
  }

  #onMessage(stream: MplexStream, length: number): boolean {
    if (length === 0) {
      this.#guard('idle')
      return false
    }
    // An implementation that closes and writes at once may send the end first (go-mplex does).
    if (stream.remoteHasEnded) {
      this.#guard('discarded', Math.max(length, discardedFrameBytes))
      return false
    }
    this.#current = stream
    return true
  }

  #accept(id: number): void {
    const key = keyOf(id, false)
    if (this.#streams.has(key)) {
      this.#violation(`stream ${id} was opened twice`)
      return
    }
    this.#highestRemoteId = Math.max(this.#highestRemoteId, id)
    const { limits, onStream } = this.#settings
    const isFull = this.#closing !== undefined || this.#inboundCount >= this.#options.maxInboundStreams
    if (isFull || !this.#floods.allows('open', 1) || !limits.reserve('streamsInbound', 1)) {
      if (this.#guard('refused')) this.sendControl(flag.resetReceiver, id)
      return
    }
    const stream = new MplexStream(this, id, 'inbound')
    this.#inboundCount++
    this.#streams.set(key, stream)
    try {
      onStream(stream)
    } catch (error) {
      stream.abort(toError(error))
    }
  }

  #guard(kind: keyof MplexFloodLimits, amount = 1): boolean {
    return this.#floods.allows(kind, amount) || this.#violation(`too much of kind "${kind}"`)
  }

  /** Ends the connection; always false. */
  #violation(what: string): false {
    if (!this.#over) this.abort(new PeerloomError('ERR_PROTOCOL_VIOLATION', `mplex: ${what}`, { remote: true }))
    return false
  }

  /** The connection was held back for long enough: whoever did not read gives way to the others. */
  #relieve(): void {
    const { holdTimeoutMs } = this.#options
    while (this.#backlog.isTooMuch) {
      const blamed = this.#backlog.blame(this.#streams.values())
      if (blamed.length === 0) break
      for (const stream of blamed) {
        stream.abort(new PeerloomError('ERR_LIMIT', `${stream.unreadBytes} bytes were not read in ${holdTimeoutMs} ms`))
      }
    }
    this.#letGo()
  }

  #letGo(): void {
    this.clock.clearTimeout(this.#hold)
    this.#hold = undefined
    this.#channel.resume()
  }

  #schedule(): void {
    if (this.#scheduled || this.#over) return
    this.#scheduled = true
    endOfTurn(this)
  }

  /** Sends what it can: resets first, then streams in turn. */
  #send(): void {
    if (this.#over) return
    const channel = this.#channel
    this.#flushControl()
    this.#sending = true
    try {
      while (this.#firstDirty !== undefined && channel.writable && !this.#over) {
        const stream: MplexStream = this.#firstDirty
        const alone = stream.nextDirty === undefined
        if (!stream.sendFrame(alone ? recordBytes : sharedFrameBytes, false)) this.#unlink(stream)
        else if (!alone) this.#rotate(stream)
      }
    } finally {
      this.#sending = false
    }
    if (this.#closing !== undefined) this.#checkFlushed()
  }

  /** Sends waiting resets. False while the channel takes nothing. */
  #flushControl(): boolean {
    if (!this.#channel.writable) return false
    const control = this.#control
    if (control.length === 0) return true
    this.#control = []
    for (let at = 0; at < control.length; at += 2) {
      this.sendHeader(control[at] as number, control[at + 1] as number, 0)
    }
    return true
  }

  #rotate(stream: MplexStream): void {
    this.#firstDirty = stream.nextDirty
    stream.nextDirty = undefined
    ;(this.#lastDirty as MplexStream).nextDirty = stream
    this.#lastDirty = stream
  }

  /** Takes the first stream off the dirty list. */
  #unlink(stream: MplexStream): void {
    this.#firstDirty = stream.nextDirty
    if (this.#firstDirty === undefined) this.#lastDirty = undefined
    stream.nextDirty = undefined
    stream.isDirty = false
  }

  get #isEnding(): boolean {
    return this.#over || this.#closing !== undefined
  }

  async #close(options?: AbortOptions): Promise<void> {
    if (this.#over) return
    this.#send()
    if (!this.#isFlushed()) {
      this.#flushed = new Waiters()
      const { closeTimeoutMs: timeoutMs } = this.#options
      try {
        await this.#flushed.add(options, { clock: this.clock, timeoutMs, what: 'closing' })
      } catch (error) {
        if (!isPeerloomError(error, 'ERR_TIMEOUT')) {
          this.abort(toError(error))
          throw error
        }
      }
    }
    if (this.#over) return
    this.#finish(undefined)
    await this.#channel.close(options)
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
    // The channel tells of its end only when it is not paused.
    if (this.#hold !== undefined) this.#letGo()
    this.#control = []
    if (this.#streams.size > 0) {
      const lost = streamLost(error)
      for (const stream of [...this.#streams.values()]) stream.receiveLoss(lost)
    }
    this.#flushed?.resolve()
    this.#settings.onClose(error)
  }
}

/** Both sides may use one id: a stream is known by its id and by who opened it. */
const keyOf = (id: number, isOwn: boolean): number => id * 2 + (isOwn ? 1 : 0)
