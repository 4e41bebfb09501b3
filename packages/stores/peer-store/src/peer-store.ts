import type { Multiaddr } from '@multiformats/multiaddr'
import { openPeerRecord } from '@peerloom/identity'
import type { AddAddressesOptions, Clock, PeerEntry, PeerId, PeerPatch, PeerStore } from '@peerloom/interface'
import { defaultTtlMs, type PeerStoreLimits } from './limits.ts'
import type { Persistence } from './persistence.ts'
import { PeerRecord, type StoredAddress } from './record.ts'

const byteLength = (text: string): number => new TextEncoder().encode(text).length

export interface PeerBookParts {
  readonly clock: Clock
  readonly self: PeerId
  readonly limits: Required<PeerStoreLimits>
  readonly persistence: ((find: (key: string) => PeerRecord | undefined) => Persistence) | undefined
}

/** The address book. The map is in order of use: the first peer is the one to go. */
export class PeerBook implements PeerStore {
  readonly #peers = new Map<string, PeerRecord>()
  readonly #clock: Clock
  readonly #self: string
  readonly #limits: Required<PeerStoreLimits>
  readonly #persistence: Persistence | undefined

  constructor(parts: PeerBookParts) {
    this.#clock = parts.clock
    this.#self = parts.self.toString()
    this.#limits = parts.limits
    this.#persistence = parts.persistence?.((key) => this.#peers.get(key))
  }

  get size(): number {
    return this.#peers.size
  }

  async load(): Promise<void> {
    await this.#persistence?.load(this.#limits.maxPeers, (record) => {
      const key = record.id.toString()
      if (!this.#peers.has(key)) this.#peers.set(key, record)
    })
  }

  get(id: PeerId): PeerEntry | undefined {
    const record = this.#peers.get(id.toString())
    return record?.snapshot(this.#clock.now())
  }

  *all(): Iterable<PeerEntry> {
    const now = this.#clock.now()
    for (const record of this.#peers.values()) yield record.snapshot(now)
  }

  addAddresses(id: PeerId, addresses: readonly Multiaddr[], options: AddAddressesOptions = {}): void {
    if (addresses.length === 0) return
    const record = this.#touch(id)
    if (record === undefined) return
    const expiresAt = this.#clock.now() + (options.ttlMs ?? defaultTtlMs)
    let changed = false
    for (const address of addresses) changed = this.#addAddress(record, address, false, expiresAt) || changed
    if (changed) this.#changed(record)
  }

  patch(id: PeerId, patch: PeerPatch): void {
    const record = this.#touch(id)
    if (record === undefined) return
    const { maxProtocols, maxNameBytes } = this.#limits
    let changed = false
    const fits = (text: string): boolean => text.length <= maxNameBytes && byteLength(text) <= maxNameBytes
    if (patch.publicKey !== undefined && record.publicKey === undefined) {
      record.publicKey = patch.publicKey
      changed = true
    }
    if (patch.protocols !== undefined) {
      const protocols = [...new Set(patch.protocols.filter(fits))].slice(0, maxProtocols)
      if (protocols.length !== record.protocols.length || protocols.some((one, at) => one !== record.protocols[at])) {
        record.protocols = Object.freeze(protocols)
        changed = true
      }
    }
    for (const name of ['agentVersion', 'protocolVersion'] as const) {
      const value = patch[name]
      if (value === undefined || value === record[name] || !fits(value)) continue
      record[name] = value
      changed = true
    }
    for (const [key, value] of Object.entries(patch.metadata ?? {})) {
      changed = this.#setMetadata(record, key, value) || changed
    }
    for (const [name, value] of Object.entries(patch.tags ?? {})) {
      changed = (fits(name) && this.#setTag(record, name, value)) || changed
    }
    if (changed) this.#changed(record)
  }

  async consumeRecord(
    envelope: Uint8Array,
    options: AddAddressesOptions & { readonly expected?: PeerId } = {}
  ): Promise<boolean> {
    if (envelope.length > this.#limits.maxRecordBytes) return false
    let opened
    try {
      opened = await openPeerRecord(envelope)
    } catch {
      return false
    }
    const { peerId, seq, addresses, publicKey } = opened
    if (options.expected !== undefined && !options.expected.equals(peerId)) return false
    const record = this.#touch(peerId)
    if (record === undefined) return false
    const same = seq === record.recordSeq && sameBytes(record.signedRecord, envelope)
    // An older record is no truth. The very one that is known is no news, but its addresses may have expired meanwhile.
    if (record.recordSeq !== undefined && seq <= record.recordSeq && !same) return false
    if (!same) {
      record.publicKey ??= publicKey
      record.recordSeq = seq
      record.signedRecord = envelope.slice()
      // RFC 0003: what the last record named and this one does not is stale.
      for (const [key, known] of record.addresses ?? []) if (known.certified) record.addresses?.delete(key)
    }
    const expiresAt = this.#clock.now() + (options.ttlMs ?? defaultTtlMs)
    let changed = !same
    for (const address of addresses) changed = this.#addAddress(record, address, true, expiresAt) || changed
    if (changed) this.#changed(record)
    return true
  }

  setConnected(id: PeerId, connected: boolean): void {
    const record = connected ? this.#touch(id) : this.#peers.get(id.toString())
    if (record === undefined || record.connected === connected) return
    record.connected = connected
    record.changed()
    if (connected) return
    // What was true while connected is believed for a while longer.
    const expiresAt = this.#clock.now() + defaultTtlMs
    for (const address of record.addresses?.values() ?? []) {
      if (address.expiresAt < expiresAt) address.expiresAt = expiresAt
    }
    if (record.isEmpty) this.delete(id)
    else this.#changed(record)
  }

  delete(id: PeerId): void {
    const key = id.toString()
    if (this.#peers.delete(key)) this.#persistence?.touch(key)
  }

  async flush(): Promise<void> {
    await this.#persistence?.flush()
  }

  /** The peer's record, made when needed, now the most recently used; undefined for ourselves. */
  #touch(id: PeerId): PeerRecord | undefined {
    const key = id.toString()
    if (key === this.#self) return undefined
    let record = this.#peers.get(key)
    if (record === undefined) {
      this.#makeRoom()
      record = new PeerRecord(id)
    } else {
      this.#peers.delete(key)
    }
    this.#peers.set(key, record)
    return record
  }

  /** Drops the least recently used peer that is neither connected nor tagged, else the first that is not connected. */
  #makeRoom(): void {
    if (this.#peers.size < this.#limits.maxPeers) return
    const now = this.#clock.now()
    let fallback: string | undefined
    for (const [key, record] of this.#peers) {
      if (record.connected) continue
      record.prune(now)
      if ((record.tags?.size ?? 0) === 0) {
        fallback = key
        break
      }
      fallback ??= key
    }
    if (fallback === undefined) return // as many connections as peers: bounded by the connection limits
    this.#peers.delete(fallback)
    this.#persistence?.touch(fallback)
  }

  #addAddress(record: PeerRecord, address: Multiaddr, certified: boolean, expiresAt: number): boolean {
    record.addresses ??= new Map()
    const addresses = record.addresses
    const suffix = `/p2p/${record.id}`
    const key = address.toString()
    // Where a peer is does not need its own name repeated.
    const bare = key.endsWith(suffix) ? address.decapsulate(suffix) : address
    const bareKey = bare === address ? key : bare.toString()
    const known = addresses.get(bareKey)
    if (known !== undefined) {
      const changed = (certified && !known.certified) || expiresAt > known.expiresAt
      known.certified ||= certified
      known.expiresAt = Math.max(known.expiresAt, expiresAt)
      return changed
    }
    if (addresses.size >= this.#limits.maxAddresses && !dropOne(addresses, certified, expiresAt)) return false
    addresses.set(bareKey, { address: bare, certified, expiresAt })
    return true
  }

  #setMetadata(record: PeerRecord, key: string, value: Uint8Array | undefined): boolean {
    if (value === undefined) return record.metadata?.delete(key) ?? false
    let size = byteLength(key) + value.length
    for (const [name, held] of record.metadata ?? []) if (name !== key) size += byteLength(name) + held.length
    if (size > this.#limits.maxMetadataBytes || sameBytes(record.metadata?.get(key), value)) return false
    record.metadata ??= new Map()
    record.metadata.set(key, value.slice())
    return true
  }

  #setTag(record: PeerRecord, name: string, tag: NonNullable<PeerPatch['tags']>[string]): boolean {
    if (tag === undefined) return record.tags?.delete(name) ?? false
    const { value, ttlMs = Number.POSITIVE_INFINITY } = typeof tag === 'number' ? { value: tag } : tag
    record.tags ??= new Map()
    if (!record.tags.has(name) && record.tags.size >= this.#limits.maxTags) return false
    const bounded = value > 0 ? Math.round(Math.min(value, 100)) : 0
    record.tags.set(name, { value: bounded, expiresAt: this.#clock.now() + ttlMs })
    return true
  }

  #changed(record: PeerRecord): void {
    record.changed()
    this.#persistence?.touch(record.id.toString())
  }
}

/** Makes room for an address that is worth more than one of those here; false when none is worth less. */
function dropOne(addresses: Map<string, StoredAddress>, certified: boolean, expiresAt: number): boolean {
  let worst: [string, StoredAddress] | undefined
  for (const entry of addresses) {
    const [, one] = entry
    const least = worst?.[1]
    if (least === undefined || Number(one.certified) - Number(least.certified) < 0) worst = entry
    else if (one.certified === least.certified && one.expiresAt < least.expiresAt) worst = entry
  }
  if (worst === undefined) return false
  const [key, least] = worst
  if (least.certified && !certified) return false
  if (least.certified === certified && least.expiresAt > expiresAt) return false
  addresses.delete(key)
  return true
}

function sameBytes(one: Uint8Array | undefined, two: Uint8Array): boolean {
  return one !== undefined && one.length === two.length && one.every((byte, at) => byte === two[at])
}
