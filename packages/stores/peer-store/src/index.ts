import { type Clock, type PeerId, type PeerStore, systemClock } from '@peerloom/interface'
import type { Datastore } from 'interface-datastore'
import { checkedLimits, type PeerStoreLimits } from './limits.ts'
import { PeerBook } from './peer-store.ts'
import { Persistence } from './persistence.ts'
import { SharedLists } from './shared-lists.ts'

export interface PeerStoreOptions extends PeerStoreLimits {
  /** How long changes are gathered before they are written to the datastore, in ms. Default 1,000. */
  readonly writeDelayMs?: number
}

export interface CreatePeerStoreOptions extends PeerStoreOptions {
  /** The node that keeps the book: it has no entry of its own. */
  readonly self: PeerId
  readonly clock?: Clock
  /** Keeps the book across restarts. */
  readonly datastore?: Datastore
}

const defaultWriteDelayMs = 1000

/**
 * Makes an address book: in memory and synchronous, written behind to a datastore when one is given.
 *
 * ```ts
 * const peers = createPeerStore({ self: node.peerId })
 * peers.addAddresses(peer, [address])
 * peers.get(peer)?.addresses
 * ```
 */
export function createPeerStore(options: CreatePeerStoreOptions): PeerStore & {
  /** Reads what the datastore has. Rejects with ERR_STORE. */
  load(): Promise<void>
} {
  const { self, clock = systemClock, datastore, writeDelayMs = defaultWriteDelayMs, ...limits } = options
  const lists = new SharedLists()
  return new PeerBook({
    clock,
    self,
    lists,
    limits: checkedLimits(limits),
    persistence:
      datastore === undefined ? undefined : (find) => new Persistence({ datastore, clock, writeDelayMs, lists, find })
  })
}

export type { PeerStoreLimits } from './limits.ts'
