import type { AbortOptions, Startable } from './abort.ts'
import type { PeerId, PeerInfo } from './peer.ts'
import type { OnPeer } from './peer-store.ts'

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
