import { TokenBucket } from '@peerloom/bounded'
import {
  type AbortOptions,
  type Clock,
  isPeerloomError,
  type MuxedStream,
  type Muxer,
  type MuxerOptions,
  PeerloomError,
  toError
} from '@peerloom/interface'
import { LastFlush, streamLost, Waiters } from '@peerloom/streams'
import type { EarlyChannel } from './early-channel.ts'
import type { RtcChannel, RtcLink } from './engine-interface.ts'
import { LingeringChannels } from './lingering-channels.ts'
import type { DataChannelOptions } from './options.ts'
import { DataChannelStream } from './stream.ts'
import type { StreamHost } from './stream-host.ts'

/** Channels that open with this subprotocol come from one that knows credit; others do not look at it. */
export const creditProtocol = 'peerloom-credit/1'
/** The label of the channel that a private connection is made with; it carries nothing. */
export const initLabel = 'init'

/** Channels that were refused because there are too many: more of them end the connection. */
const refusals = { burst: 1024, ratePerSecond: 100 }
/** How long an engine may take to say that a connection is closed. */
const partingMs = 1000

/** The data channels of one peer connection as a muxer. */
export class DataChannelMuxer implements Muxer, StreamHost {
  readonly protocol = '/webrtc'
  readonly clock: Clock
  readonly receiveWindowBytes: number
  readonly maxBufferedBytes: number
  readonly finAckTimeoutMs: number
  grantsCredit = false
  readonly #link: RtcLink
  readonly #settings: MuxerOptions
  readonly #options: Required<DataChannelOptions>
  readonly #streams = new Set<DataChannelStream>()
  readonly #lingering: LingeringChannels
  readonly #lastFlush: LastFlush
  #inboundCount = 0
  #refused: TokenBucket | undefined = undefined
  /** The last stream that ended was broken off: the connection may be going. */
  #brokeOff = false
  #closing: Promise<void> | undefined = undefined
  #over = false
  #linkOver = false
  #linkGone: Waiters | undefined = undefined

  constructor(link: RtcLink, settings: MuxerOptions, options: Required<DataChannelOptions>) {
    this.clock = settings.clock
    this.maxBufferedBytes = options.maxBufferedBytes
    // What was under way when the remote first heard of the window comes on top of it.
    this.receiveWindowBytes = Math.min(options.receiveWindowBytes, Math.floor(options.maxBufferedBytes / 2))
    this.finAckTimeoutMs = options.finAckTimeoutMs
    this.#link = link
    this.#settings = settings
    this.#options = options
    this.#lastFlush = new LastFlush(settings.clock, options.closeTimeoutMs, () => this.#isFlushed())
    this.#lingering = new LingeringChannels(settings.clock)
  }

  get streams(): Iterable<MuxedStream> {
    return this.#streams
  }

  get streamCount(): number {
    return this.#streams.size
  }

  /** The engines measure it and do not tell all that they know. */
  get rttMs(): number | undefined {
    return undefined
  }

  async open(options?: AbortOptions): Promise<MuxedStream> {
    options?.signal?.throwIfAborted()
    if (this.#over || this.#closing !== undefined) {
      throw new PeerloomError('ERR_CONNECTION_CLOSED', 'the connection takes no new streams')
    }
    const { limits } = this.#settings
    if (!limits.reserve('streamsOutbound', 1)) {
      throw new PeerloomError('ERR_LIMIT', 'too many outbound streams are open')
    }
    try {
      const stream = new DataChannelStream(this.#link.createChannel({ protocol: creditProtocol }), this, 'outbound')
      this.#streams.add(stream)
      return stream
    } catch (error) {
      limits.release('streamsOutbound', 1)
      throw error
    }
  }

  close(options?: AbortOptions): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  abort(error: Error): void {
    this.#finish(error)
    this.#link.close()
  }

  // What the link calls.

  /** The remote opened a channel, which may have brought messages already. */
  accept(channel: RtcChannel, early?: EarlyChannel): void {
    // It is not ours to close, and whoever opened it may still wait to see it open.
    if (channel.label === initLabel) return
    if (this.#over) {
      channel.close()
      return
    }
    const { limits, onStream } = this.#settings
    const full = this.#closing !== undefined || this.#inboundCount >= this.#options.maxInboundStreams
    if (full || !limits.reserve('streamsInbound', 1)) {
      channel.close()
      this.#refused ??= new TokenBucket({ ...refusals, clock: this.clock })
      if (!this.#refused.take()) {
        this.abort(new PeerloomError('ERR_PROTOCOL_VIOLATION', 'WebRTC: a flood of streams', { remote: true }))
      }
      return
    }
    const stream = new DataChannelStream(channel, this, 'inbound')
    this.#inboundCount++
    this.#streams.add(stream)
    if (channel.protocol === creditProtocol && !this.grantsCredit) {
      // The first grant is also how the remote learns that we know credit.
      this.grantsCredit = true
      stream.grantFirst()
    }
    try {
      onStream(stream)
    } catch (error) {
      stream.abort(toError(error))
    }
    early?.replay(stream)
  }

  linkClosed(error?: Error): void {
    this.#linkOver = true
    this.#linkGone?.resolve()
    // A remote cannot say good-bye: when it broke nothing off, this was it.
    const good = !this.#brokeOff && [...this.#streams].every((stream) => stream.remoteHasEnded)
    this.#finish(good || this.#closing !== undefined ? undefined : error, good)
  }

  // What streams call.

  onCredit(): void {
    this.grantsCredit = true
  }

  reserveMemory(bytes: number): boolean {
    return this.#settings.limits.reserve('memory', bytes)
  }

  releaseMemory(bytes: number): void {
    this.#settings.limits.release('memory', bytes)
  }

  remove(stream: DataChannelStream, channel: RtcChannel, lingers: boolean): void {
    if (lingers && !this.#over) this.#lingering.add(channel)
    if (!this.#streams.delete(stream)) return
    this.#brokeOff = stream.brokeOff
    if (stream.direction === 'inbound') this.#inboundCount--
    this.#settings.limits.release(stream.direction === 'inbound' ? 'streamsInbound' : 'streamsOutbound', 1)
    this.#lastFlush.check()
  }

  lingered(channel: RtcChannel): void {
    this.#lingering.delete(channel)
  }

  /** There is no way to say good-bye to a connection: its streams end, and their ends are acknowledged. */
  async #close(options?: AbortOptions): Promise<void> {
    if (this.#over) return
    for (const stream of [...this.#streams]) {
      stream.closeWrite().then(
        () => this.#lastFlush.check(),
        () => {}
      )
    }
    try {
      await this.#lastFlush.wait(options)
    } catch (error) {
      this.abort(toError(error))
      throw error
    }
    this.#finish(undefined)
    this.#link.close()
    if (this.#linkOver) return
    this.#linkGone = new Waiters()
    await this.#linkGone.add(options, { clock: this.clock, timeoutMs: partingMs, what: 'closing' }).catch((error) => {
      if (!isPeerloomError(error, 'ERR_TIMEOUT')) throw error
    })
  }

  #isFlushed(): boolean {
    for (const stream of this.#streams) if (stream.hasUnsent) return false
    return true
  }

  #finish(error: Error | undefined, goodBye = false): void {
    if (this.#over) return
    this.#over = true
    if (this.#streams.size > 0) {
      const lost = streamLost(error)
      for (const stream of [...this.#streams]) stream.receiveLoss(lost, goodBye)
    }
    this.#lingering.clear()
    this.#lastFlush.end()
    this.#settings.onClose(error)
  }
}
