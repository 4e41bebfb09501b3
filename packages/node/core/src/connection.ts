import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type AbortOptions,
  type Clock,
  type Connection,
  type ConnectionLimits,
  type ConnectionStatus,
  type Direction,
  type MuxedStream,
  type Muxer,
  type OpenStreamOptions,
  type PeerId,
  PeerloomError,
  type PublicKey,
  type Stream,
  type Timer
} from '@peerloom/interface'
import { listen, negotiationTimeoutMs, select, selectOptimistic } from '@peerloom/multistream'
import type { ProtocolRegistry } from './protocol-registry.ts'

/** How often inbound streams that have not named their protocol are looked at. */
const negotiationCheckMs = 1000

/** What every connection of a node shares. */
export interface ConnectionContext {
  readonly clock: Clock
  readonly protocols: ProtocolRegistry
  /** Whether the peer is known to speak a protocol, by identify. */
  speaks(peer: PeerId, protocol: string): boolean
  onClose(connection: PeerConnection, error: Error | undefined): void
}

export interface ConnectionParts {
  readonly id: string
  readonly remotePeer: PeerId
  readonly remoteKey: PublicKey | undefined
  readonly remoteAddress: Multiaddr
  readonly localAddress: Multiaddr | undefined
  readonly direction: Direction
  readonly security: string
  readonly muxer: string
  readonly transport: string
  readonly earlyMuxer: boolean
  readonly limits: ConnectionLimits | undefined
}

/** One muxed, secured link: opens streams, and finds a handler for those the remote opens. */
export class PeerConnection implements Connection {
  readonly id: string
  readonly remotePeer: PeerId
  readonly remoteKey: PublicKey | undefined
  readonly remoteAddress: Multiaddr
  readonly localAddress: Multiaddr | undefined
  readonly direction: Direction
  readonly security: string
  readonly muxer: string
  readonly transport: string
  readonly earlyMuxer: boolean
  readonly limits: ConnectionLimits | undefined
  readonly openedAt: number
  readonly #context: ConnectionContext
  readonly #release: () => void
  #muxer: Muxer | undefined
  #status: ConnectionStatus = 'open'
  /** Inbound streams that came before the node knew of this connection; undefined from then on. */
  #early: MuxedStream[] | undefined = []
  /** Inbound streams that have not named their protocol yet, and since when. */
  #negotiating: Map<MuxedStream, number> | undefined
  #negotiationTimer: Timer | undefined

  constructor(parts: ConnectionParts, context: ConnectionContext, release: () => void) {
    this.id = parts.id
    this.remotePeer = parts.remotePeer
    this.remoteKey = parts.remoteKey
    this.remoteAddress = parts.remoteAddress
    this.localAddress = parts.localAddress
    this.direction = parts.direction
    this.security = parts.security
    this.muxer = parts.muxer
    this.transport = parts.transport
    this.earlyMuxer = parts.earlyMuxer
    this.limits = parts.limits
    this.openedAt = context.clock.now()
    this.#context = context
    this.#release = release
  }

  /** Starts the muxer, which may deliver streams at once. */
  start(create: (events: { onStream(stream: MuxedStream): void; onClose(error?: Error): void }) => Muxer): void {
    this.#muxer = create({
      onStream: (stream) => this.#accept(stream),
      onClose: (error) => this.#over(error)
    })
  }

  /** The node knows of the connection: streams may be served. */
  announce(): void {
    const early = this.#early ?? []
    this.#early = undefined
    for (const stream of early) this.#accept(stream)
  }

  get status(): ConnectionStatus {
    return this.#status
  }

  get rttMs(): number | undefined {
    return this.#muxer?.rttMs
  }

  get streams(): readonly Stream[] {
    return this.#muxer === undefined ? [] : [...this.#muxer.streams]
  }

  get streamCount(): number {
    return this.#muxer?.streamCount ?? 0
  }

  async openStream(protocols: string | readonly string[], options: OpenStreamOptions = {}): Promise<Stream> {
    options.signal?.throwIfAborted()
    const names = typeof protocols === 'string' ? [protocols] : protocols
    const first = names[0]
    if (first === undefined) throw new PeerloomError('ERR_INVALID_ARGUMENT', 'openStream() needs a protocol')
    if (this.#status !== 'open' || this.#muxer === undefined) {
      throw new PeerloomError('ERR_CONNECTION_CLOSED', `the connection to ${this.remotePeer} is closed`)
    }
    if (this.limits !== undefined && options.allowLimited !== true) {
      throw new PeerloomError('ERR_LIMITED_CONNECTION', `the connection to ${this.remotePeer} is a limited one`)
    }
    const stream = await this.#muxer.open(options)
    stream.connection = this
    stream.protocol = first
    if (options.optimistic ?? (names.length === 1 || this.#context.speaks(this.remotePeer, first))) {
      selectOptimistic(stream, first)
    } else {
      stream.protocol = await select(stream, names, { ...options, clock: this.#context.clock })
    }
    return stream
  }

  async close(options?: AbortOptions): Promise<void> {
    if (this.#status === 'open') this.#status = 'closing'
    await this.#muxer?.close(options)
  }

  abort(error: Error): void {
    this.#muxer?.abort(error)
    this.#over(error)
  }

  #accept(stream: MuxedStream): void {
    stream.connection = this
    if (this.#early !== undefined) {
      this.#early.push(stream)
      return
    }
    const { clock, protocols } = this.#context
    this.#negotiating ??= new Map()
    this.#negotiating.set(stream, clock.now())
    listen(
      stream,
      (protocol) => protocols.supports(protocol, this),
      (protocol) => {
        this.#negotiating?.delete(stream)
        stream.protocol = protocol
        protocols.serve(stream, this)
      },
      () => {
        this.#negotiating?.delete(stream)
        stream.close().catch(() => {})
      }
    )
    this.#negotiationTimer ??= clock.setTimeout(() => this.#checkNegotiations(), negotiationCheckMs)
  }

  #checkNegotiations(): void {
    this.#negotiationTimer = undefined
    const negotiating = this.#negotiating
    if (negotiating === undefined) return
    const now = this.#context.clock.now()
    for (const [stream, since] of negotiating) {
      const late = now - since >= negotiationTimeoutMs
      if (late) {
        stream.abort(
          new PeerloomError('ERR_TIMEOUT', `no protocol was named within ${negotiationTimeoutMs} ms`, { remote: true })
        )
      }
      if (late || stream.status === 'reset') negotiating.delete(stream)
    }
    if (negotiating.size === 0) this.#negotiating = undefined
    else this.#negotiationTimer = this.#context.clock.setTimeout(() => this.#checkNegotiations(), negotiationCheckMs)
  }

  #over(error: Error | undefined): void {
    if (this.#status === 'closed') return
    this.#status = 'closed'
    this.#context.clock.clearTimeout(this.#negotiationTimer)
    this.#negotiationTimer = undefined
    this.#negotiating = undefined
    this.#release()
    this.#context.onClose(this, error)
  }
}
