import type { AbortOptions, Startable } from './abort.ts'
import type { PeerId, PeerInfo } from './peer.ts'

/** A peer that discovery found, with what the node is to make of it. */
export interface FoundPeer extends PeerInfo {
  /** How long the addresses are good for, in ms. Default one hour. */
  readonly ttlMs?: number
  /** False: whoever found the peer dials it, so `autoDialBelow` does not apply to it. Default true. */
  readonly dial?: boolean
}

/** What discovery calls back with; again for a peer whose addresses are new, or about to lapse. */
export type OnPeer = (found: FoundPeer) => void

/** Finds peers by itself and tells the node, which sets `onPeer` before `start`. */
export interface PeerDiscovery extends Startable {
  onPeer: OnPeer | undefined
}

export interface PeerRouting {
  /** Rejects with ERR_NOT_FOUND. */
  findPeer(id: PeerId, options?: AbortOptions): Promise<PeerInfo>
  closestPeers(key: Uint8Array, options?: AbortOptions): AsyncIterable<PeerInfo>
}

/** Contents are named by their multihash bytes. */
export interface ContentRouting {
  provide(multihash: Uint8Array, options?: AbortOptions): Promise<void>
  findProviders(multihash: Uint8Array, options?: AbortOptions): AsyncIterable<PeerInfo>
  put(key: Uint8Array, value: Uint8Array, options?: AbortOptions): Promise<void>
  /** Rejects with ERR_NOT_FOUND. */
  get(key: Uint8Array, options?: AbortOptions): Promise<Uint8Array>
}
