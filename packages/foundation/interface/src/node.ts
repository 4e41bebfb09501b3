import type { Multiaddr } from '@multiformats/multiaddr'
import type { Datastore } from 'interface-datastore'
import type { AbortOptions } from './abort.ts'
import type { Clock, RandomBytes } from './clock.ts'
import type { Connection, OpenStreamOptions } from './connection.ts'
import type { Events, NodeEvents, OwnAddress, Reachability } from './events.ts'
import type { Scope } from './limits.ts'
import type { LogFactory } from './log.ts'
import type { Metrics } from './metrics.ts'
import type { PeerId, PublicKey } from './peer.ts'
import type { PeerStore } from './peer-store.ts'
import type { Protocols } from './protocols.ts'
import type { ContentRouting, PeerRouting } from './routing.ts'
import type { Stream } from './stream.ts'
import type { DialStage } from './transport.ts'

/** Who to dial: a peer whose addresses are known or can be found, one address, or several of one peer. */
export type DialTarget = PeerId | Multiaddr | string | readonly (Multiaddr | string)[]

export interface DialProgress {
  readonly stage: DialStage
  readonly address: Multiaddr
}

export interface NodeDialOptions extends AbortOptions {
  /** Bound on the whole dial, in ms. Default 15,000. */
  readonly timeoutMs?: number
  /** Dial even when a connection to the peer is open. Default false. */
  readonly force?: boolean
  readonly onProgress?: (progress: DialProgress) => void
}

export interface Connections {
  /** Open ones, newest last; of one peer when given. */
  list(peer?: PeerId): readonly Connection[]
  /** An open connection to the peer, or a new one. Rejects with a DialError. */
  dial(target: DialTarget, options?: NodeDialOptions): Promise<Connection>
  /** Dials when needed, then opens a stream; on a connection that is given, on that one. */
  openStream(
    target: Connection | DialTarget,
    protocols: string | readonly string[],
    options?: NodeDialOptions & OpenStreamOptions
  ): Promise<Stream>
  /** Closes all connections to the peer. */
  hangUp(peer: PeerId, options?: AbortOptions): Promise<void>
  /** Protects a peer from being trimmed, under a name, until it is taken back. */
  protect(peer: PeerId, reason: string): void
  unprotect(peer: PeerId, reason: string): void
}

export interface Addresses {
  /** Every own address, each with its verdict. */
  list(): readonly OwnAddress[]
  /** A peer saw us there. Counts only when several distinct peers agree. */
  observe(address: Multiaddr, observer: Connection): void
  /** An address that a module brings (mapped, relayed). Returns its removal. */
  add(address: Multiaddr, source: OwnAddress['source']): () => void
  setReachability(address: Multiaddr, reachability: Reachability): void
  /** Signed envelope over the current addresses; its sequence number only grows. */
  signedRecord(): Promise<Uint8Array>
}

/** A typed name under which one module offers something to others. */
export interface Capability<T> {
  readonly name: string
  /** The import line that adds a module with it, for the error message. */
  readonly hint: string
  /** Carries the type only; never set. */
  readonly type?: T
}

/** What a module may see of its node, and nothing more. */
export interface NodeContext {
  readonly peerId: PeerId
  readonly publicKey: PublicKey
  sign(data: Uint8Array): Promise<Uint8Array>
  readonly agentVersion: string
  /** Fingerprint of the private network the node belongs to, in hex; undefined for the public one. */
  readonly privateNetwork: string | undefined
  readonly peers: PeerStore
  readonly connections: Connections
  readonly protocols: Protocols
  readonly addresses: Addresses
  readonly routing: PeerRouting & ContentRouting
  readonly limits: Scope
  readonly events: Events<NodeEvents>
  /** Persistent when the application gave a datastore, else undefined. */
  readonly storage: Datastore | undefined
  readonly clock: Clock
  readonly random: RandomBytes
  readonly log: LogFactory
  readonly metrics: Metrics
  /** The instance a module asked for with `needs`. Throws ERR_MISSING_MODULE when it did not ask. */
  capability<T>(capability: Capability<T>): T
}

/** Given the node it is to live in, the part it plays. Instances with `start` and `stop` live with the node. */
export interface Module<T> {
  (node: NodeContext): T
  /** The package that makes it: two modules of one name in different lists are built once and shared. */
  readonly moduleName: string
  readonly needs?: readonly Capability<unknown>[]
  readonly provides?: readonly Capability<unknown>[]
  /** The options it was made with; undefined when it was made with none. */
  readonly options?: unknown
}

export interface ModuleDefinition<T> {
  readonly name: string
  readonly needs?: readonly Capability<unknown>[]
  readonly provides?: readonly Capability<unknown>[]
  readonly options?: unknown
  create(node: NodeContext): T
}

/** Makes a module out of its parts; what every factory returns. */
export function defineModule<T>(definition: ModuleDefinition<T>): Module<T> {
  return Object.assign((node: NodeContext): T => definition.create(node), {
    moduleName: definition.name,
    ...(definition.needs === undefined ? {} : { needs: definition.needs }),
    ...(definition.provides === undefined ? {} : { provides: definition.provides }),
    options: definition.options
  })
}
