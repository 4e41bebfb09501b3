import type { PeerEntry, PeerId, PublicKey, Tag } from '@peerloom/interface'
import type { StoredAddress } from './address.ts'
import { PeerSnapshot } from './snapshot.ts'

/** What an object, a string, an entry of a map take beside their content, in bytes, roughly. */
const overhead = { peer: 512, address: 96, name: 24, entry: 96 }

/** What is kept of one peer. Maps are made when there is something to put in. */
export class PeerRecord {
  readonly id: PeerId
  publicKey: PublicKey | undefined
  /** By their bytes, see `packAddress`. */
  addresses: Map<string, StoredAddress> | undefined = undefined
  protocols: readonly string[] = []
  agentVersion: string | undefined = undefined
  protocolVersion: string | undefined = undefined
  tags: Map<string, Tag> | undefined = undefined
  metadata: Map<string, Uint8Array> | undefined = undefined
  signedRecord: Uint8Array | undefined = undefined
  recordSeq: bigint | undefined = undefined
  /** Addresses that the signed record brought; undefined when that is not known any more. */
  recordAddresses: number | undefined = undefined
  connected = false
  /** What `measure` said last. */
  bytes = 0
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
    if (!this.connected) {
      for (const { expiresAt } of this.addresses?.values() ?? []) validUntil = Math.min(validUntil, expiresAt)
    }
    for (const { expiresAt } of this.tags?.values() ?? []) validUntil = Math.min(validUntil, expiresAt)
    this.#validUntil = validUntil
    this.#snapshot = new PeerSnapshot(this)
    return this.#snapshot
  }

  /** Drops what is past its time. */
  prune(now: number): void {
    if (!this.connected) {
      for (const [key, { expiresAt }] of this.addresses ?? []) if (expiresAt <= now) this.addresses?.delete(key)
    }
    for (const [name, { expiresAt }] of this.tags ?? []) if (expiresAt <= now) this.tags?.delete(name)
  }

  get isTagged(): boolean {
    return this.tags !== undefined && this.tags.size > 0
  }

  /** Nothing is known that would be missed. */
  get isEmpty(): boolean {
    return (
      !this.connected &&
      !this.isTagged &&
      (this.addresses?.size ?? 0) === 0 &&
      (this.metadata?.size ?? 0) === 0 &&
      this.protocols.length === 0 &&
      this.signedRecord === undefined
    )
  }

  /** The memory that this takes, in bytes, roughly. */
  measure(): number {
    let bytes = overhead.peer + (this.signedRecord?.length ?? 0)
    for (const key of this.addresses?.keys() ?? []) bytes += overhead.address + key.length
    for (const name of this.protocols) bytes += overhead.name + name.length
    for (const name of this.tags?.keys() ?? []) bytes += overhead.entry + name.length
    for (const [key, value] of this.metadata ?? []) bytes += 2 * overhead.entry + key.length + value.length
    return bytes + (this.agentVersion?.length ?? 0) + (this.protocolVersion?.length ?? 0)
  }
}
