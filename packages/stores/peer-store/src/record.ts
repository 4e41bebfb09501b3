import type { Multiaddr } from '@multiformats/multiaddr'
import type { KnownAddress, PeerEntry, PeerId, PublicKey, Tag } from '@peerloom/interface'

/** An address as it is kept. While the peer is connected it does not expire, whatever `expiresAt` says. */
export interface StoredAddress {
  readonly address: Multiaddr
  certified: boolean
  expiresAt: number
}

/** What is kept of one peer. Maps are made when there is something to put in. */
export class PeerRecord {
  readonly id: PeerId
  publicKey: PublicKey | undefined
  /** By the text of the address. */
  addresses: Map<string, StoredAddress> | undefined = undefined
  protocols: readonly string[] = []
  agentVersion: string | undefined = undefined
  protocolVersion: string | undefined = undefined
  tags: Map<string, Tag> | undefined = undefined
  metadata: Map<string, Uint8Array> | undefined = undefined
  signedRecord: Uint8Array | undefined = undefined
  recordSeq: bigint | undefined = undefined
  connected = false
  #snapshot: PeerEntry | undefined = undefined
  /** The snapshot holds until the first of its addresses or tags expires. */
  #validUntil = 0

  constructor(id: PeerId) {
    this.id = id
    this.publicKey = id.publicKey
  }

  changed(): void {
    this.#snapshot = undefined
  }

  /** A frozen view without what has expired; the same object until something changes. */
  snapshot(now: number): PeerEntry {
    if (this.#snapshot !== undefined && now < this.#validUntil) return this.#snapshot
    this.prune(now)
    let validUntil = Number.POSITIVE_INFINITY
    const addresses: KnownAddress[] = []
    for (const { address, certified, expiresAt } of this.addresses?.values() ?? []) {
      const until = this.connected ? Number.POSITIVE_INFINITY : expiresAt
      validUntil = Math.min(validUntil, until)
      addresses.push(Object.freeze({ address, certified, expiresAt: until }))
    }
    for (const { expiresAt } of this.tags?.values() ?? []) validUntil = Math.min(validUntil, expiresAt)
    this.#validUntil = validUntil
    this.#snapshot = Object.freeze({
      id: this.id,
      publicKey: this.publicKey,
      addresses: Object.freeze(addresses),
      protocols: this.protocols,
      agentVersion: this.agentVersion,
      protocolVersion: this.protocolVersion,
      tags: new Map(this.tags),
      metadata: new Map(this.metadata),
      signedRecord: this.signedRecord,
      recordSeq: this.recordSeq
    })
    return this.#snapshot
  }

  /** Drops what is past its time. */
  prune(now: number): void {
    if (!this.connected) {
      for (const [key, { expiresAt }] of this.addresses ?? []) if (expiresAt <= now) this.addresses?.delete(key)
    }
    for (const [name, { expiresAt }] of this.tags ?? []) if (expiresAt <= now) this.tags?.delete(name)
  }

  /** Nothing is known that would be missed. */
  get isEmpty(): boolean {
    return (
      !this.connected &&
      (this.addresses?.size ?? 0) === 0 &&
      (this.tags?.size ?? 0) === 0 &&
      (this.metadata?.size ?? 0) === 0 &&
      this.protocols.length === 0 &&
      this.signedRecord === undefined
    )
  }
}
