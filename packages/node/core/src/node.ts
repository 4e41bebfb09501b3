import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import {
  type AbortOptions,
  type Addresses,
  type Clock,
  type Connection,
  type Connections,
  type DialTarget,
  type Events,
  type FoundPeer,
  type HandleOptions,
  type NodeDialOptions,
  type NodeEvents,
  type OpenStreamOptions,
  type PeerDiscovery,
  type PeerId,
  PeerloomError,
  type PeerStore,
  type Startable,
  type Stream,
  type StreamHandler,
  toError,
  type Topology,
  type Transport
} from '@peerloom/interface'
import { nextTurn } from '@peerloom/streams'
import type { AddressManager } from './address-manager.ts'
import type { ConnectionManager } from './connection-manager.ts'
import type { Dialer } from './dialer.ts'
import { isInspectable, type NodeSnapshot, usageOf } from './inspect.ts'
import type { LimitsTree } from './limits.ts'
import type { Listeners } from './listeners.ts'
import type { ProtocolRegistry } from './protocol-registry.ts'
import type { Routers } from './routing.ts'
import type { ConnectionUpgrader } from './upgrader.ts'

export type NodeStatus = 'stopped' | 'starting' | 'started' | 'stopping'

/** A node, with its services by name. */
export interface Node<S> extends AsyncDisposable {
  readonly peerId: PeerId
  readonly status: NodeStatus
  readonly services: S
  readonly events: Events<NodeEvents>
  readonly peers: PeerStore
  readonly connections: Connections
  readonly addresses: Addresses
  readonly routing: Routers
  /** Listens, starts services, then discovery. Idempotent. Rejects with ERR_LISTEN when an address is taken. */
  start(): Promise<void>
  /** Ends everything; nothing of the node holds the process open afterwards. Idempotent. A stopped node may start again. */
  stop(): Promise<void>
  /** Own addresses with `/p2p/<id>`, ready to be dialled. */
  multiaddrs(): Multiaddr[]
  /** Serves protocols. A handler that throws resets its stream only. */
  handle(protocols: string | readonly string[], handler: StreamHandler, options?: HandleOptions): Promise<void>
  unhandle(protocols: string | readonly string[]): Promise<void>
  /** Watches for peers that speak a protocol. Returns the end of it. */
  watch(topology: Topology): () => void
  /** An open connection to the peer, or a new one. Rejects with a DialError, ERR_NO_ADDRESSES or ERR_TIMEOUT. */
  dial(target: DialTarget, options?: NodeDialOptions): Promise<Connection>
  /** Dials when needed and opens a stream that speaks the first of `protocols` that the peer does. */
  openStream(
    target: Connection | DialTarget,
    protocols: string | readonly string[],
    options?: NodeDialOptions & OpenStreamOptions
  ): Promise<Stream>
  /** Closes all connections to the peer. */
  hangUp(peer: PeerId, options?: AbortOptions): Promise<void>
  /** All of the node at this moment, as plain data. */
  inspect(): NodeSnapshot
}

export interface NodeParts<S> {
  readonly peerId: PeerId
  readonly agentVersion: string
  readonly clock: Clock
  readonly services: S
  readonly events: Events<NodeEvents>
  readonly peers: PeerStore & { load?(): Promise<void> }
  readonly protocols: ProtocolRegistry
  readonly connections: ConnectionManager
  readonly addresses: AddressManager
  readonly transports: readonly Transport[]
  readonly listeners: Listeners
  readonly listen: readonly Multiaddr[]
  readonly upgrader: ConnectionUpgrader
  readonly dialer: Dialer
  readonly routing: Routers
  readonly limits: LimitsTree
  readonly startables: readonly Startable[]
  readonly discovery: readonly PeerDiscovery[]
  readonly onDiscovered: (found: FoundPeer) => void
}

/** Brings the parts to life in order, and to rest in reverse. */
export class PeerloomNode<S> implements Node<S> {
  readonly #parts: NodeParts<S>
  #status: NodeStatus = 'stopped'
  #changing: Promise<void> = Promise.resolve()
  readonly #started: Startable[] = []

  constructor(parts: NodeParts<S>) {
    this.#parts = parts
  }

  get peerId(): PeerId {
    return this.#parts.peerId
  }

  get status(): NodeStatus {
    return this.#status
  }

  get services(): S {
    return this.#parts.services
  }

  get events(): Events<NodeEvents> {
    return this.#parts.events
  }

  get peers(): PeerStore {
    return this.#parts.peers
  }

  get connections(): Connections {
    return this.#parts.connections
  }

  get addresses(): Addresses {
    return this.#parts.addresses
  }

  get routing(): Routers {
    return this.#parts.routing
  }

  start(): Promise<void> {
    return this.#change(() => this.#start())
  }

  stop(): Promise<void> {
    return this.#change(() => this.#stop())
  }

  multiaddrs(): Multiaddr[] {
    const suffix = `/p2p/${this.peerId}`
    return this.#parts.addresses.list().map(({ address }) => {
      const text = address.toString()
      return text.endsWith(suffix) ? address : multiaddr(text + suffix)
    })
  }

  async handle(protocols: string | readonly string[], handler: StreamHandler, options?: HandleOptions): Promise<void> {
    this.#parts.protocols.handle(protocols, handler, options)
  }

  async unhandle(protocols: string | readonly string[]): Promise<void> {
    this.#parts.protocols.unhandle(protocols)
  }

  watch(topology: Topology): () => void {
    return this.#parts.protocols.watch(topology)
  }

  dial(target: DialTarget, options?: NodeDialOptions): Promise<Connection> {
    return this.#parts.connections.dial(target, options)
  }

  openStream(
    target: Connection | DialTarget,
    protocols: string | readonly string[],
    options?: NodeDialOptions & OpenStreamOptions
  ): Promise<Stream> {
    return this.#parts.connections.openStream(target, protocols, options)
  }

  hangUp(peer: PeerId, options?: AbortOptions): Promise<void> {
    return this.#parts.connections.hangUp(peer, options)
  }

  inspect(): NodeSnapshot {
    const { addresses, clock, connections, dialer, limits, peers, protocols, services } = this.#parts
    const now = clock.now()
    return {
      peer: this.peerId.toString(),
      agent: this.#parts.agentVersion,
      status: this.#status,
      addresses: addresses.list().map((own) => ({ ...own, address: own.address.toString() })),
      protocols: protocols.list(),
      connections: connections.list().map((one) => ({
        id: one.id,
        peer: one.remotePeer.toString(),
        address: one.remoteAddress.toString(),
        direction: one.direction,
        status: one.status,
        transport: one.transport,
        security: one.security,
        muxer: one.muxer,
        earlyMuxer: one.earlyMuxer,
        limited: one.limits !== undefined,
        rttMs: one.rttMs,
        ageMs: now - one.openedAt,
        streams: one.streams.map(({ id, protocol, direction, status, queuedBytes }) => ({
          id,
          protocol,
          direction,
          status,
          queuedBytes
        }))
      })),
      limits: { system: usageOf(limits.system), transient: usageOf(limits.transient) },
      counts: {
        connections: connections.size,
        pendingDials: dialer.pending,
        knownPeers: peers.size,
        reconnecting: connections.reconnecting,
        inboundStreams: protocols.openStreams
      },
      transports: Object.fromEntries(
        this.#parts.transports.flatMap((one) => (isInspectable(one) ? [[one.name, one.inspect()]] : []))
      ),
      services: Object.fromEntries(
        Object.entries(services as Record<string, unknown>).flatMap(([name, instance]) =>
          isInspectable(instance) ? [[name, instance.inspect()]] : []
        )
      )
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** One change of state at a time, in the order of the calls. */
  #change(step: () => Promise<void>): Promise<void> {
    const changing = this.#changing.then(step)
    this.#changing = changing.catch(() => {})
    return changing
  }

  async #start(): Promise<void> {
    if (this.#status === 'started') return
    const { peers, connections, listeners, listen, upgrader, addresses, events, discovery, onDiscovered } = this.#parts
    this.#status = 'starting'
    try {
      await peers.load?.()
      connections.start()
      for (const one of this.#parts.startables) {
        if (discovery.includes(one as PeerDiscovery)) continue
        this.#started.push(one)
        await one.start()
      }
      await listeners.listen(listen, upgrader)
      addresses.refresh()
      for (const one of discovery) {
        one.onPeer = onDiscovered
        this.#started.push(one)
        await one.start()
      }
      this.#status = 'started'
      events.emit('start', undefined)
    } catch (error) {
      // What made the start fail is worth more than what made the clearing up fail.
      await this.#stop().catch(() => {})
      throw toError(error)
    }
  }

  async #stop(): Promise<void> {
    if (this.#status === 'stopped') return
    const { connections, listeners, addresses, peers, events, dialer, upgrader } = this.#parts
    this.#status = 'stopping'
    const failures: Error[] = []
    const attempt = async (step: () => void | Promise<void>): Promise<void> => {
      try {
        await step()
      } catch (error) {
        failures.push(toError(error))
      }
    }
    await attempt(() => listeners.close())
    for (const one of this.#started.splice(0).toReversed()) await attempt(() => one.stop())
    await attempt(() => {
      const closing = connections.stop()
      const stopped = new PeerloomError('ERR_STOPPED', 'the node is stopping')
      dialer.stop(stopped)
      upgrader.stop(stopped)
      return closing
    })
    await attempt(() => listeners.released())
    await attempt(() => peers.flush())
    addresses.refresh()
    // What was closed counts as open until the event loop has come round.
    await new Promise<void>((resolve) => nextTurn(() => nextTurn(resolve)))
    this.#status = 'stopped'
    events.emit('stop', undefined)
    if (failures[0] !== undefined) {
      throw new PeerloomError('ERR_STOPPED', `stopped, with a failure: ${failures[0].message}`, { cause: failures[0] })
    }
  }
}
