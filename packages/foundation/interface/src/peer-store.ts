import type { Multiaddr } from '@multiformats/multiaddr'
import type { PeerId, PublicKey } from './peer.ts'

export interface KnownAddress {
  readonly address: Multiaddr
  /** From a peer record that the peer itself signed. */
  readonly certified: boolean
  /** Milliseconds since the epoch; Infinity while connected or for addresses a user gave. */
  readonly expiresAt: number
}

export interface Tag {
  /** 0 to 100; the connection manager keeps high sums. */
  readonly value: number
  /** Milliseconds since the epoch; Infinity for ever. */
  readonly expiresAt: number
}

/** All that is known of one peer: a frozen snapshot. */
export interface PeerEntry {
  readonly id: PeerId
  readonly publicKey: PublicKey | undefined
  readonly addresses: readonly KnownAddress[]
  readonly protocols: readonly string[]
  readonly agentVersion: string | undefined
  readonly protocolVersion: string | undefined
  readonly tags: ReadonlyMap<string, Tag>
  readonly metadata: ReadonlyMap<string, Uint8Array>
  /** The last signed envelope that was accepted, as received. */
  readonly signedRecord: Uint8Array | undefined
  readonly recordSeq: bigint | undefined
}

export interface PeerPatch {
  readonly publicKey?: PublicKey
  /** Replaces the list. */
  readonly protocols?: readonly string[]
  readonly agentVersion?: string
  readonly protocolVersion?: string
  /** undefined deletes the key. */
  readonly metadata?: Readonly<Record<string, Uint8Array | undefined>>
  /** undefined deletes the tag; a number tags for ever; `ttlMs` bounds it. */
  readonly tags?: Readonly<Record<string, number | { readonly value: number; readonly ttlMs?: number } | undefined>>
}

export interface AddAddressesOptions {
  /** Default one hour. Infinity for addresses a user gave. */
  readonly ttlMs?: number
}

/** The address book: in memory and synchronous, written behind to the node's storage. */
export interface PeerStore {
  readonly size: number
  get(id: PeerId): PeerEntry | undefined
  /** Every peer, in no order. */
  all(): Iterable<PeerEntry>
  addAddresses(id: PeerId, addresses: readonly Multiaddr[], options?: AddAddressesOptions): void
  patch(id: PeerId, patch: PeerPatch): void
  /**
   * Takes a sealed peer record: verifies it, refuses one of another peer or an older one, and makes its addresses the
   * certified ones. Resolves false when it was refused; never rejects for bad input.
   */
  consumeRecord(envelope: Uint8Array, options?: AddAddressesOptions & { readonly expected?: PeerId }): Promise<boolean>
  /** Keeps a peer from being evicted and its addresses from expiring while it is connected. */
  setConnected(id: PeerId, connected: boolean): void
  delete(id: PeerId): void
  /** Writes what is pending to the datastore, when there is one. */
  flush(): Promise<void>
}
