import type { Multiaddr } from '@multiformats/multiaddr'
import type {
  Clock,
  ConnectionGater,
  ConnectionProtector,
  ContentRouting,
  LogFactory,
  Metrics,
  Module,
  PeerDiscovery,
  PeerRouting,
  PrivateKey,
  RandomBytes,
  SecureTransport,
  StreamMuxerFactory,
  Transport
} from '@peerloom/interface'
import type { PeerStoreOptions } from '@peerloom/peer-store'
import type { Datastore } from 'interface-datastore'
import type { ConnectionManagerOptions } from './connection-manager.ts'
import type { DialerOptions } from './dialer.ts'
import type { NodeLimitsOptions } from './limits.ts'
import type { Dns } from './resolver.ts'

export interface AddressOptions {
  /** What to listen on. Default: nothing. */
  readonly listen?: readonly (string | Multiaddr)[]
  /** What to tell peers instead of what is listened on. */
  readonly announce?: readonly (string | Multiaddr)[]
  /** What to tell peers besides. */
  readonly appendAnnounce?: readonly (string | Multiaddr)[]
  /** False keeps an address to ourselves. */
  readonly announceFilter?: (address: Multiaddr) => boolean
}

/** Modules under the names that `node.services` has them by. */
export type ServiceModules = Readonly<Record<string, Module<unknown>>>

/** The instances that service modules make. */
export type Services<S extends ServiceModules> = { readonly [K in keyof S]: S[K] extends Module<infer T> ? T : never }

export interface NodeOptions<S extends ServiceModules = ServiceModules> {
  /** Who the node is. Default: a new Ed25519 key, or the one kept in `datastore`. */
  readonly privateKey?: PrivateKey
  readonly addresses?: AddressOptions
  readonly transports?: readonly Module<Transport>[]
  /** Preferred first. */
  readonly connectionEncryption?: readonly Module<SecureTransport>[]
  /** Preferred first. */
  readonly streamMuxers?: readonly Module<StreamMuxerFactory>[]
  /** Shuts the node off from everybody without its key. Default: none, the public network. */
  readonly connectionProtector?: Module<ConnectionProtector>
  readonly peerDiscovery?: readonly Module<PeerDiscovery>[]
  readonly peerRouting?: readonly Module<PeerRouting>[]
  readonly contentRouting?: readonly Module<ContentRouting>[]
  /** Typed on the node: `services: { ping: ping() }` becomes `node.services.ping`. */
  readonly services?: S
  /** Dial peers as discovery finds them, up to this many connections. Default 50; 0 leaves it to the application. */
  readonly autoDialBelow?: number
  readonly connectionManager?: ConnectionManagerOptions
  readonly connectionGater?: ConnectionGater
  readonly dialer?: DialerOptions
  readonly limits?: NodeLimitsOptions
  /** Bound on securing and muxing one link, in ms. Default 15,000. */
  readonly upgradeTimeoutMs?: number
  readonly peerStore?: PeerStoreOptions
  /** Keeps the key and the address book across restarts. Default: nothing is kept. */
  readonly datastore?: Datastore
  /** Default: the system's. */
  readonly dns?: Dns
  /** What identify tells of us. Default `peerloom/<version>`. */
  readonly agentVersion?: string
  /** Start at once. Default true; `start()` may be called in any case. */
  readonly start?: boolean
  readonly clock?: Clock
  readonly random?: RandomBytes
  /** Default: the console, for the scopes in `DEBUG`. */
  readonly log?: LogFactory
  readonly metrics?: Metrics
}
