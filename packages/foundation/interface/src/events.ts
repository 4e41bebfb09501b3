import type { Multiaddr } from '@multiformats/multiaddr'
import type { Connection } from './connection.ts'
import type { PeerId, PeerInfo } from './peer.ts'

export type Reachability = 'unknown' | 'public' | 'private'

export interface OwnAddress {
  readonly address: Multiaddr
  /** How we came by it. */
  readonly source: 'listen' | 'announced' | 'observed' | 'mapped' | 'relayed'
  readonly reachability: Reachability
}

/** What identify learned of a peer. */
export interface IdentifyResult {
  readonly peerId: PeerId
  readonly connection: Connection
  readonly agentVersion: string | undefined
  readonly protocolVersion: string | undefined
  readonly protocols: readonly string[]
  readonly listenAddresses: readonly Multiaddr[]
  /** Our address as the peer sees it. */
  readonly observedAddress: Multiaddr | undefined
  readonly signedRecord: Uint8Array | undefined
}

/** The node's events and what they carry. */
export interface NodeEvents {
  'connection:open': Connection
  'connection:close': { readonly connection: Connection; readonly error: Error | undefined }
  /** First connection to a peer, last one gone. */
  'peer:connect': PeerId
  'peer:disconnect': PeerId
  'peer:discovery': PeerInfo
  'peer:identify': IdentifyResult
  /** State topics: a new listener gets the last value at once. */
  addresses: readonly OwnAddress[]
  protocols: readonly string[]
  start: undefined
  stop: undefined
}

/** Topics whose last value is replayed to a new listener. */
export type StateTopic = 'addresses' | 'protocols'

export type Unsubscribe = () => void

export interface Events<T> {
  /** Listeners run synchronously in order of subscription; one that throws does not disturb the others. */
  on<K extends keyof T & string>(topic: K, listener: (value: T[K]) => void): Unsubscribe
  once<K extends keyof T & string>(topic: K, listener: (value: T[K]) => void): Unsubscribe
  emit<K extends keyof T & string>(topic: K, value: T[K]): void
}
