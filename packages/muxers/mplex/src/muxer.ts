import { FloodGuard } from '@peerloom/bounded'
import {
  type AbortOptions,
  type Channel,
  type MuxedStream,
  type MuxerOptions,
  PeerloomError,
  type Timer
} from '@peerloom/interface'
import { FramedMuxer } from '@peerloom/streams'
import { Backlog } from './backlog.ts'
import { encodeHeader, flag, type FrameEvents, FrameParser } from './frame.ts'
import { type MplexSettings, recordBytes, sharedFrameBytes, type MplexFloodLimits } from './options.ts'
import { MplexStream } from './stream.ts'

export const mplexProtocol = '/mplex/6.7.0'

/** What a frame for a stream that is gone costs at least. */
const discardedFrameBytes = 256

/** One mplex connection, either role. */
export class MplexMuxer extends FramedMuxer<MplexStream> implements FrameEvents {
  readonly protocol: string = mplexProtocol
  /** mplex has no way to measure it. */
  readonly rttMs: undefined = undefined
  readonly #options: MplexSettings
  readonly #parser = new FrameParser(this)
  readonly #floods: FloodGuard<keyof MplexFloodLimits>
  readonly #backlog: Backlog
  /** Odd for the side that dialled (Opening a new stream), although others count by one and from 0 on either side. */
  #nextId: number
  #highestRemoteId = -1
  /** The stream whose body is under way. */
  #current: MplexStream | undefined = undefined
  /** Resets that wait, two numbers each: flag, stream id. */
  #control: number[] = []
  /** Set while the connection is held back for readers that are behind. */
  #hold: Timer | undefined = undefined

  constructor(channel: Channel, settings: MuxerOptions, options: MplexSettings) {
    super(channel, settings, { closeTimeoutMs: options.closeTimeoutMs, frameBytes: recordBytes, sharedFrameBytes })
    this.#options = options
    this.#floods = new FloodGuard(options.floodLimits, settings.clock)
    this.#backlog = new Backlog({ ...options, limits: settings.limits })
    this.#nextId = settings.role === 'initiator' ? 1 : 2
  }

  async open(options?: AbortOptions): Promise<MuxedStream> {
    options?.signal?.throwIfAborted()
    if (this.isOver || this.isClosing)
      throw new PeerloomError('ERR_CONNECTION_CLOSED', 'the connection takes no new streams')
    const outbound = this.streamCount - this.inboundCount
    if (outbound >= this.#options.maxOutboundStreams || !this.settings.limits.reserve('streamsOutbound', 1)) {
      throw new PeerloomError('ERR_LIMIT', 'too many outbound streams are open')
    }
    const stream = new MplexStream(this, this.#nextId, 'outbound')
    this.#nextId += 2
    this.streamsByKey.set(keyOf(stream.streamId, true), stream)
    this.markDirty(stream)
    return stream
  }

  // Sending: what streams call.

  override flush(): void {
    if (this.#hold !== undefined && !this.#backlog.isTooMuch) this.#goOn()
    super.flush()
  }

  sendHeader(flagBits: number, streamId: number, length: number): void {
    this.channel.send(encodeHeader(flagBits, streamId, length))
  }

  /** Queues a reset, to leave before data at the end of the turn. */
  sendControl(flagBits: number, streamId: number): void {
    if (this.isOver) return
    this.#control.push(flagBits, streamId)
    if (this.#control.length / 2 > this.#options.maxControlFrames && !this.flushControl()) {
      this.abortUnread()
      return
    }
    this.schedule()
  }

  // Receiving: what streams call.

  /** The reader of a stream has not taken these bytes: too many of them hold the connection back. */
  fellBehind(stream: MplexStream, bytes: number): void {
    this.#backlog.grow(stream, bytes)
    if (!this.#backlog.isTooMuch || this.#hold !== undefined || this.isOver) return
    this.channel.pause()
    this.#hold = this.clock.setTimeout(() => this.#relieve(), this.#options.holdTimeoutMs)
  }

  caughtUp(stream: MplexStream, bytes: number): void {
    this.#backlog.shrink(stream, bytes)
    // At the end of the turn: a reader is not to be given bytes of others while it is given its own.
    if (this.#hold !== undefined && !this.#backlog.isTooMuch) this.schedule()
  }

  /** A stream is over. */
  remove(stream: MplexStream): void {
    if (!this.forget(keyOf(stream.streamId, stream.direction === 'outbound'), stream)) return
    if (this.#current === stream) this.#current = undefined
    this.#backlog.remove(stream)
    if (this.#hold !== undefined && !this.#backlog.isTooMuch) this.schedule()
  }

  // Receiving: what the channel and the parser call.

  data(bytes: Uint8Array): void {
    this.unkeptBytes = this.#parser.push(bytes)
  }

  end(): void {
    // There is no go-away: the end of the connection between two frames is the good-bye.
    if (!this.isOver && !this.#parser.isBetweenFrames) {
      this.abort(new PeerloomError('ERR_UNEXPECTED_END', 'mplex: the remote ended inside a frame', { remote: true }))
      return
    }
    this.finish(undefined)
    void this.channel.close().catch(() => {})
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
    const stream = this.streamsByKey.get(keyOf(id, isOwn))
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
        else if (!this.isOver) stream.receiveEnd()
        return false
      case flag.resetInitiator:
      case flag.resetReceiver:
        if (length > 0) this.#guard('discarded', length)
        if (!this.isOver && this.#guard('reset')) {
          stream.receiveReset(new PeerloomError('ERR_CHANNEL_RESET', 'the remote reset the stream', { remote: true }))
        }
        return false
      default:
        return this.#violation(`flag ${flagBits}`)
    }
  }

  onBody(bytes: Uint8Array): number {
    const stream = this.#current
    if (stream !== undefined) return stream.receive(bytes)
    // It was reset since its frame began.
    this.#guard('discarded', bytes.length)
    return bytes.length
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
    if (this.streamsByKey.has(key)) {
      this.#violation(`stream ${id} was opened twice`)
      return
    }
    this.#highestRemoteId = Math.max(this.#highestRemoteId, id)
    const { limits } = this.settings
    const isFull = this.isClosing || this.inboundCount >= this.#options.maxInboundStreams
    if (isFull || !this.#floods.allows('open', 1) || !limits.reserve('streamsInbound', 1)) {
      if (this.#guard('refused')) this.sendControl(flag.resetReceiver, id)
      return
    }
    this.adopt(key, new MplexStream(this, id, 'inbound'))
  }

  #guard(kind: keyof MplexFloodLimits, amount = 1): boolean {
    return this.#floods.allows(kind, amount) || this.#violation(`too much of kind "${kind}"`)
  }

  /** Ends the connection; always false. */
  #violation(what: string): false {
    if (!this.isOver) this.abort(new PeerloomError('ERR_PROTOCOL_VIOLATION', `mplex: ${what}`, { remote: true }))
    return false
  }

  /** The connection was held back for long enough: whoever did not read gives way to the others. */
  #relieve(): void {
    const { holdTimeoutMs } = this.#options
    while (this.#backlog.isTooMuch) {
      const blamed = this.#backlog.blame(this.streamsByKey.values())
      if (blamed.length === 0) break
      for (const stream of blamed) {
        stream.abort(new PeerloomError('ERR_LIMIT', `${stream.unreadBytes} bytes were not read in ${holdTimeoutMs} ms`))
      }
    }
    this.#goOn()
  }

  #goOn(): void {
    this.clock.clearTimeout(this.#hold)
    this.#hold = undefined
    this.channel.resume()
  }

  /** Sends waiting resets. */
  protected override flushControl(): boolean {
    if (!this.channel.writable) return false
    const control = this.#control
    if (control.length === 0) return true
    this.#control = []
    for (let at = 0; at < control.length; at += 2) {
      this.sendHeader(control[at] as number, control[at + 1] as number, 0)
    }
    return true
  }

  protected override letGo(): void {
    this.#parser.stop()
    // The channel tells of its end only when it is not paused.
    if (this.#hold !== undefined) this.#goOn()
    this.#control = []
  }
}

/** Both sides may use one id: a stream is known by its id and by who opened it. */
const keyOf = (id: number, isOwn: boolean): number => id * 2 + (isOwn ? 1 : 0)
