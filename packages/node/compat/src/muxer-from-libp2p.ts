import type { Logger, Stream, StreamMuxer, StreamMuxerFactory as TheirMuxerFactory } from '@libp2p/interface'
import {
  type AbortOptions,
  type Channel,
  type Direction,
  type MuxedStream,
  type Muxer,
  type MuxerOptions,
  PeerloomError,
  toError
} from '@peerloom/interface'
import { Waiters } from '@peerloom/streams'
import { ChannelStream } from './channel-stream.ts'
import { fromTheirError } from './errors.ts'
import { MessageStreamChannel } from './message-stream-channel.ts'

/**
 * Theirs lets the window of a stream grow to 16 MiB, and resets the stream when over 4 MiB wait to be read. The window is
 * bound enough.
 */
const yamuxReadBufferBytes = 17 * 1024 * 1024

/** A stream muxer of js-libp2p in the part of ours. */
export class BorrowedMuxer implements Muxer {
  readonly protocol: string
  readonly #channel: Channel
  readonly #options: MuxerOptions
  readonly #link: ChannelStream
  readonly #muxer: StreamMuxer & { getRTT?(): number }
  readonly #streams = new Set<BorrowedStream>()
  #closing: Promise<void> | undefined = undefined
  #over = false
  /** Who waits for the channel to be over; undefined when nobody does. */
  #gone: Waiters | undefined = undefined

  constructor(factory: TheirMuxerFactory, channel: Channel, options: MuxerOptions, log: Logger) {
    this.protocol = factory.protocol
    this.#channel = channel
    this.#options = options
    const direction = options.role === 'initiator' ? 'outbound' : 'inbound'
    this.#link = new ChannelStream(channel, { id: 'link', direction, log })
    this.#muxer = factory.createStreamMuxer(this.#link)
    this.#muxer.addEventListener('stream', ({ detail }) => this.#accept(detail))
    this.#link.addEventListener('remoteCloseWrite', () => this.#remoteEnded())
    this.#link.addEventListener('close', ({ error }) => this.#finish(error))
    this.#link.onOver = () => this.#gone?.resolve()
  }

  get streams(): Iterable<MuxedStream> {
    return this.#streams
  }

  get streamCount(): number {
    return this.#streams.size
  }

  get rttMs(): number | undefined {
    const rttMs = this.#muxer.getRTT?.() ?? -1
    return rttMs < 0 ? undefined : rttMs
  }

  async open(options?: AbortOptions): Promise<MuxedStream> {
    const { limits } = this.#options
    if (this.#over || this.#closing !== undefined) {
      throw new PeerloomError('ERR_CONNECTION_CLOSED', 'the connection takes no new streams')
    }
    if (!limits.reserve('streamsOutbound', 1)) {
      throw new PeerloomError('ERR_LIMIT', 'too many outbound streams are open')
    }
    try {
      const { signal } = options ?? {}
      return this.#add(await this.#muxer.createStream(signal === undefined ? {} : { signal }))
    } catch (error) {
      limits.release('streamsOutbound', 1)
      throw fromTheirError(error, 'ERR_MUXER')
    }
  }

  close(options: AbortOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  abort(error: Error): void {
    if (!this.#over) {
      this.#muxer.abort(error)
      this.#finish(error)
    }
    this.#channel.abort(error)
  }

  /** A stream is over. */
  remove(stream: BorrowedStream): void {
    if (!this.#streams.delete(stream)) return
    this.#options.limits.release(stream.direction === 'inbound' ? 'streamsInbound' : 'streamsOutbound', 1)
  }

  #accept(theirs: Stream): void {
    const { limits, onStream } = this.#options
    if (this.#over || !limits.reserve('streamsInbound', 1)) {
      theirs.abort(new PeerloomError('ERR_LIMIT', 'too many inbound streams are open'))
      return
    }
    const stream = this.#add(theirs)
    try {
      onStream(stream)
    } catch (error) {
      stream.abort(toError(error))
    }
  }

  #add(theirs: Stream): BorrowedStream {
    if (this.protocol.startsWith('/yamux/')) {
      theirs.maxReadBufferLength = Math.max(theirs.maxReadBufferLength, yamuxReadBufferBytes)
    }
    const stream = new BorrowedStream(this, theirs, this.#options)
    this.#streams.add(stream)
    return stream
  }

  async #close(options: AbortOptions): Promise<void> {
    if (this.#over) return
    const signal = options.signal === undefined ? {} : { signal: options.signal }
    try {
      await this.#muxer.close(signal)
      await this.#link.close(signal)
      this.#finish(undefined)
      await this.#channel.close(options)
    } catch (error) {
      this.abort(toError(error))
      throw error
    }
    if (this.#channel.status === 'closed' || this.#channel.status === 'reset') return
    this.#gone = new Waiters()
    await this.#gone.add(options)
  }

  /** The remote closed its end of the connection: streams cannot go on, and our end has no use any more. */
  #remoteEnded(): void {
    if (this.#over) return
    const saidGoodBye = this.#muxer.status !== 'open' || this.#closing !== undefined
    this.#finish(saidGoodBye ? undefined : lost(undefined))
    this.#channel.close().catch(() => {})
  }

  #finish(error: Error | undefined): void {
    if (this.#over) return
    this.#over = true
    for (const stream of [...this.#streams]) stream.lose(lost(error))
    this.#options.onClose(error)
    // Theirs stops its timers when its link is gone.
    this.#link.onTransportClosed()
  }
}

/** One stream of a borrowed muxer. */
export class BorrowedStream extends MessageStreamChannel {
  readonly #muxer: BorrowedMuxer

  constructor(muxer: BorrowedMuxer, theirs: Stream & { direction: Direction }, options: Pick<MuxerOptions, 'clock'>) {
    super(theirs, options)
    this.#muxer = muxer
  }

  /** The connection is gone. */
  lose(error: Error): void {
    this.remoteReset(error, true)
  }

  protected override over(): void {
    super.over()
    this.#muxer.remove(this)
  }
}

const lost = (cause: Error | undefined): PeerloomError =>
  new PeerloomError('ERR_CONNECTION_CLOSED', 'the connection was closed', { cause })
