import type { KnownAddress, PeerEntry, PeerId, PublicKey, Tag } from '@peerloom/interface'
import { type StoredAddress, unpackAddress } from './address.ts'
import type { PeerRecord } from './record.ts'

const noTags: ReadonlyMap<string, Tag> = new Map()
const noMetadata: ReadonlyMap<string, Uint8Array> = new Map()
const nothing: readonly never[] = Object.freeze([])

/** A peer as others see it at one time. Mostly its protocols are asked for: addresses are parsed on demand. */
export class PeerSnapshot implements PeerEntry {
  readonly id: PeerId
  readonly publicKey: PublicKey | undefined
  readonly protocols: readonly string[]
  readonly agentVersion: string | undefined
  readonly protocolVersion: string | undefined
  readonly tags: ReadonlyMap<string, Tag>
  readonly metadata: ReadonlyMap<string, Uint8Array>
  readonly signedRecord: Uint8Array | undefined
  readonly recordSeq: bigint | undefined
  readonly #connected: boolean
  readonly #packed: readonly string[]
  readonly #stored: readonly StoredAddress[]
  #addresses: readonly KnownAddress[] | undefined = undefined

  constructor(record: PeerRecord) {
    this.id = record.id
    this.publicKey = record.publicKey
    this.protocols = record.protocols
    this.agentVersion = record.agentVersion
    this.protocolVersion = record.protocolVersion
    this.tags = record.isTagged ? new Map(record.tags) : noTags
    this.metadata = record.metadata === undefined ? noMetadata : new Map(record.metadata)
    this.signedRecord = record.signedRecord
    this.recordSeq = record.recordSeq
    this.#connected = record.connected
    this.#packed = record.addresses === undefined ? nothing : [...record.addresses.keys()]
    this.#stored = record.addresses === undefined ? nothing : [...record.addresses.values()]
    Object.freeze(this)
  }

  get addresses(): readonly KnownAddress[] {
    this.#addresses ??= this.#parse()
    return this.#addresses
  }

  #parse(): readonly KnownAddress[] {
    const addresses: KnownAddress[] = []
    for (const [at, { certified, expiresAt }] of this.#stored.entries()) {
      const address = unpackAddress(this.#packed[at] as string)
      if (address === undefined) continue
      addresses.push(
        Object.freeze({ address, certified, expiresAt: this.#connected ? Number.POSITIVE_INFINITY : expiresAt })
      )
    }
    return Object.freeze(addresses)
  }
}
