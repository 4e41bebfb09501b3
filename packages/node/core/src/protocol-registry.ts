import {
  type Connection,
  type Events,
  type HandleOptions,
  type Log,
  type MuxedStream,
  type NodeEvents,
  type PeerId,
  PeerloomError,
  type Protocols,
  type StreamHandler,
  toError,
  type Topology
} from '@peerloom/interface'

const defaultMaxInboundStreams = 256

interface Served {
  readonly handler: StreamHandler
  readonly maxInboundStreams: number
  readonly allowLimited: boolean
  /** Open inbound streams by peer; a peer without any has no entry. */
  readonly open: Map<string, number>
}

const listOf = (protocols: string | readonly string[]): readonly string[] =>
  typeof protocols === 'string' ? [protocols] : protocols

/** What this node serves, and who watches peers for what they serve. */
export class ProtocolRegistry implements Protocols {
  readonly #served = new Map<string, Served>()
  readonly #topologies = new Set<{ readonly topology: Topology; readonly peers: Set<string> }>()
  readonly #events: Events<NodeEvents>
  readonly #log: Log
  /** Connected peers and what they speak, asked by a topology that starts to watch. */
  #connected: () => Iterable<readonly [PeerId, Connection, readonly string[]]> = () => []

  constructor(events: Events<NodeEvents>, log: Log) {
    this.#events = events
    this.#log = log
  }

  /** Tells the registry how to find the peers that are connected already. */
  connectedPeers(list: () => Iterable<readonly [PeerId, Connection, readonly string[]]>): void {
    this.#connected = list
  }

  handle(protocols: string | readonly string[], handler: StreamHandler, options: HandleOptions = {}): void {
    const names = listOf(protocols)
    for (const name of names) {
      if (name === '' || name.includes('\n')) {
        throw new PeerloomError('ERR_INVALID_ARGUMENT', `${JSON.stringify(name)} is not a protocol id`)
      }
      if (this.#served.has(name)) throw new PeerloomError('ERR_INVALID_ARGUMENT', `${name} has a handler already`)
    }
    for (const name of names) {
      this.#served.set(name, {
        handler,
        maxInboundStreams: options.maxInboundStreams ?? defaultMaxInboundStreams,
        allowLimited: options.allowLimited ?? false,
        open: new Map()
      })
    }
    this.#events.emit('protocols', this.list())
  }

  unhandle(protocols: string | readonly string[]): void {
    let changed = false
    for (const name of listOf(protocols)) changed = this.#served.delete(name) || changed
    if (changed) this.#events.emit('protocols', this.list())
  }

  list(): readonly string[] {
    return [...this.#served.keys()].toSorted()
  }

  watch(topology: Topology): () => void {
    const entry = { topology, peers: new Set<string>() }
    this.#topologies.add(entry)
    for (const [peer, connection, protocols] of this.#connected()) this.#match(entry, peer, connection, protocols)
    return () => {
      this.#topologies.delete(entry)
    }
  }

  /** Whether an inbound stream on this connection may speak the protocol. */
  supports(protocol: string, connection: Connection): boolean {
    const served = this.#served.get(protocol)
    return served !== undefined && (connection.limits === undefined || served.allowLimited)
  }

  /** Hands an inbound stream, its protocol agreed, to its handler. */
  serve(stream: MuxedStream, connection: Connection): void {
    const served = this.#served.get(stream.protocol)
    if (served === undefined) {
      stream.abort(new PeerloomError('ERR_UNSUPPORTED_PROTOCOL', `${stream.protocol} is no longer served`))
      return
    }
    const peer = connection.remotePeer.toString()
    const open = served.open.get(peer) ?? 0
    if (open >= served.maxInboundStreams) {
      stream.abort(new PeerloomError('ERR_LIMIT', `${open} inbound streams of ${stream.protocol} are open`))
      return
    }
    served.open.set(peer, open + 1)
    stream.onOver = (over) => {
      const left = (served.open.get(peer) ?? 1) - 1
      if (left === 0) served.open.delete(peer)
      else served.open.set(peer, left)
      over.onOver = undefined
    }
    try {
      const result = served.handler(stream, connection)
      if (result !== undefined) result.catch((error: unknown) => this.#failed(stream, error))
    } catch (error) {
      this.#failed(stream, error)
    }
  }

  /** Tells topologies what a connected peer is known to speak. */
  peerSpeaks(peer: PeerId, connection: Connection, protocols: readonly string[]): void {
    for (const entry of this.#topologies) this.#match(entry, peer, connection, protocols)
  }

  peerLeft(peer: PeerId): void {
    const key = peer.toString()
    for (const { topology, peers } of this.#topologies) {
      if (peers.delete(key)) this.#guard(() => topology.onDisconnect(peer))
    }
  }

  /** Open inbound streams by protocol and peer: what is left must be zero when nobody is connected. */
  get openStreams(): number {
    let sum = 0
    for (const { open } of this.#served.values()) for (const count of open.values()) sum += count
    return sum
  }

  #match(
    entry: { readonly topology: Topology; readonly peers: Set<string> },
    peer: PeerId,
    connection: Connection,
    protocols: readonly string[]
  ): void {
    const { topology, peers } = entry
    const key = peer.toString()
    if (connection.limits !== undefined && topology.allowLimited !== true) return
    const speaks = topology.protocols.some((protocol) => protocols.includes(protocol))
    if (speaks && !peers.has(key)) {
      peers.add(key)
      this.#guard(() => topology.onConnect(peer, connection))
    } else if (!speaks && peers.delete(key)) {
      this.#guard(() => topology.onDisconnect(peer))
    }
  }

  #guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#log.error('a topology threw', error)
    }
  }

  #failed(stream: MuxedStream, error: unknown): void {
    if (this.#log.enabled) this.#log.debug('the handler of %s failed', stream.protocol, error)
    stream.abort(toError(error))
  }
}
