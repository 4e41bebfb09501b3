import {
  type AbortOptions,
  type CreateStreamOptions,
  type MessageStream,
  MuxerClosedError,
  type StreamMuxer,
  type StreamMuxerEvents,
  type StreamMuxerFactory,
  type StreamMuxerStatus,
  type StreamOptions
} from '@libp2p/interface'
import {
  type Channel,
  type MuxedStream,
  type Muxer,
  type NodeContext,
  type StreamMuxerFactory as OurMuxerFactory,
  toError
} from '@peerloom/interface'
import { TypedEventEmitter } from 'main-event'
import { ChannelStream } from './channel-stream.ts'
import { toTheirError } from './errors.ts'
import { MessageStreamChannel } from './message-stream-channel.ts'

/** One of our stream muxers in the part of theirs. */
export class LentMuxerFactory implements StreamMuxerFactory {
  readonly protocol: string
  readonly #factory: OurMuxerFactory
  readonly #node: NodeContext

  constructor(factory: OurMuxerFactory, node: NodeContext) {
    this.protocol = factory.protocol
    this.#factory = factory
    this.#node = node
  }

  createStreamMuxer(link: MessageStream): StreamMuxer {
    // Over a secured connection of ours, the muxer reads the channel itself and nothing is converted twice.
    const direct = link instanceof ChannelStream ? link.release() : undefined
    const channel = direct ?? new MessageStreamChannel(link, this.#node)
    return new LentMuxer(this.#factory, channel, link, this.#node)
  }
}

class LentMuxer extends TypedEventEmitter<StreamMuxerEvents<ChannelStream>> implements StreamMuxer<ChannelStream> {
  readonly protocol: string
  streams: ChannelStream[] = []
  status: StreamMuxerStatus = 'open'
  readonly #link: MessageStream
  readonly #muxer: Muxer
  #over = false
  /** Streams that came before anybody listened; our muxer bounds them. */
  #early: ChannelStream[] | undefined = []

  constructor(factory: OurMuxerFactory, channel: Channel, link: MessageStream, node: NodeContext) {
    super()
    this.protocol = factory.protocol
    this.#link = link
    this.#muxer = factory.create(channel, {
      role: link.direction === 'outbound' ? 'initiator' : 'responder',
      onStream: (stream) => this.#accept(stream),
      onClose: () => {
        this.#over = true
        this.status = 'closed'
        // Those that are left have ended, and somebody may still read what they hold.
        this.streams = []
      },
      limits: node.limits.child('muxer'),
      clock: node.clock
    })
  }

  async createStream(options: CreateStreamOptions = {}): Promise<ChannelStream> {
    if (this.status !== 'open') throw new MuxerClosedError()
    try {
      // The protocol that comes along is for transports that negotiate it themselves.
      const { signal, protocol: _, ...streamOptions } = options
      return this.#wrap(await this.#muxer.open({ signal }), streamOptions)
    } catch (error) {
      throw toTheirError(error)
    }
  }

  /** Closes our end of all streams, then says good-bye. The link below is closed by whoever made it. */
  async close(options: AbortOptions = {}): Promise<void> {
    if (this.status !== 'open') return
    this.status = 'closing'
    try {
      await Promise.all(this.streams.map((stream) => stream.close(options)))
    } catch (error) {
      // The remote may have closed the connection in the meantime, which is as good.
      if (this.#over) return
      this.abort(toError(error))
      throw error
    }
    this.#muxer.close({ signal: options.signal }).catch(() => {})
    this.status = 'closed'
  }

  abort(error: Error): void {
    if (this.status === 'closed') return
    this.status = 'closed'
    this.#muxer.abort(error)
  }

  override addEventListener(
    ...args: Parameters<TypedEventEmitter<StreamMuxerEvents<ChannelStream>>['addEventListener']>
  ): void {
    super.addEventListener(...args)
    const early = this.#early
    if (args[0] !== 'stream' || early === undefined) return
    this.#early = undefined
    // Listeners are added in constructors, before what they use is there.
    queueMicrotask(() => {
      for (const detail of early) this.safeDispatchEvent('stream', { detail })
    })
  }

  #accept(muxed: MuxedStream): void {
    const stream = this.#wrap(muxed, {})
    if (this.#early !== undefined) this.#early.push(stream)
    else this.safeDispatchEvent('stream', { detail: stream })
  }

  #wrap(muxed: MuxedStream, options: StreamOptions): ChannelStream {
    const { direction, id } = muxed
    const log = this.#link.log.newScope(`${direction}:${id}`)
    const stream = new ChannelStream(muxed, { ...options, id, direction, log })
    if (stream.status !== 'open') return stream
    this.streams.push(stream)
    stream.addEventListener('close', () => {
      const at = this.streams.indexOf(stream)
      if (at >= 0) this.streams.splice(at, 1)
    })
    return stream
  }
}
