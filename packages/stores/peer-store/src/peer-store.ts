import type { Multiaddr } from '@multiformats/multiaddr'
import { openPeerRecord, peerIdFromPublicKey } from '@peerloom/identity'
import {
  type AddAddressesOptions,
  type Clock,
  type PeerEntry,
  type PeerId,
  PeerloomError,
  type PeerPatch,
  type PeerStore
} from '@peerloom/interface'
import { dropOne, packAddress, type StoredAddress } from './address.ts'
import { defaultTtlMs, expiryOf, type PeerStoreLimits } from './limits.ts'
import type { Persistence } from './persistence.ts'
import { PeerRecord } from './record.ts'
import { sameList, type SharedLists } from './shared-lists.ts'

const utf8 = new TextEncoder()
const byteLength = (text: string): number => utf8.encode(text).length

/**
 * An address that is seen again in the first sixteenth of its time is as good as it was: there is no snapshot to make
 * anew and nothing to write.
 */
function isEarly(known: StoredAddress, expiresAt: number, ttlMs: number): boolean {
  if (expiresAt === Number.POSITIVE_INFINITY) return known.expiresAt === expiresAt
  return expiresAt - known.expiresAt <= ttlMs / 16
}

export interface PeerBookParts {
  readonly clock: Clock
  readonly self: PeerId
  readonly limits: Required<PeerStoreLimits>
  readonly lists: SharedLists
  readonly persistence: ((find: (key: string) => PeerRecord | undefined) => Persistence) | undefined
}

/** The address book. */
export class PeerBook implements PeerStore {
  readonly #peers = new Map<string, PeerRecord>()
  /** Those that may go, neither connected nor tagged, in order of use: the first is the next to go. */
  readonly #spare = new Set<PeerRecord>()
  readonly #clock: Clock
  readonly #self: string
  readonly #limits: Required<PeerStoreLimits>
  readonly #lists: SharedLists
  readonly #persistence: Persistence | undefined
  #bytes = 0

  constructor(parts: PeerBookParts) {
    this.#clock = parts.clock
    this.#self = parts.self.toString()
    this.#limits = parts.limits
    this.#lists = parts.lists
    this.#persistence = parts.persistence?.((key) => this.#peers.get(key))
  }

  get size(): number {
    return this.#peers.size
  }

  async load(): Promise<void> {
    await this.#persistence?.load(this.#limits.maxPeers, (record) => {
      const key = record.id.toString()
      record.prune(this.#clock.now())
      if (record.isEmpty) return false
      if (this.#peers.has(key)) return true
      if (this.#peers.size >= this.#limits.maxPeers) return false
      this.#peers.set(key, record)
      this.#sorted(record)
      this.#measure(record)
      return true
    })
  }

  get(id: PeerId): PeerEntry | undefined {
    const record = this.#peers.get(id.toString())
    if (record === undefined) return undefined
    if (this.#spare.delete(record)) this.#spare.add(record)
    return record.snapshot(this.#clock.now())
  }

  *all(): Iterable<PeerEntry> {
    const now = this.#clock.now()
    for (const record of this.#peers.values()) yield record.snapshot(now)
  }

  addAddresses(id: PeerId, addresses: readonly Multiaddr[], options: AddAddressesOptions = {}): void {
    const { ttlMs = defaultTtlMs } = options
    const expiresAt = expiryOf(this.#clock.now(), ttlMs)
    if (addresses.length === 0) return
    const record = this.#touch(id)
    if (record === undefined) return
    let changed = false
    for (const address of addresses) changed = this.#addAddress(record, address, false, expiresAt, ttlMs) || changed
    if (changed) this.#changed(record)
  }

  patch(id: PeerId, patch: PeerPatch): void {
    if (patch.publicKey !== undefined) checkKey(id, patch.publicKey)
    const record = this.#touch(id)
    if (record === undefined) return
    let changed = false
    if (patch.publicKey !== undefined && record.publicKey === undefined) {
      record.publicKey = patch.publicKey
      changed = true
    }
    if (patch.protocols !== undefined) changed = this.#setProtocols(record, patch.protocols) || changed
    for (const name of ['agentVersion', 'protocolVersion'] as const) {
      const value = patch[name]
      if (value === undefined || value === record[name] || !this.#fits(value)) continue
      record[name] = value
      changed = true
    }
    for (const [key, value] of Object.entries(patch.metadata ?? {})) {
      changed = this.#setMetadata(record, key, value) || changed
    }
    for (const [name, value] of Object.entries(patch.tags ?? {})) {
      changed = this.#setTag(record, name, value) || changed
    }
    if (changed) this.#changed(record)
  }

  async consumeRecord(
    envelope: Uint8Array,
    options: AddAddressesOptions & { readonly expected?: PeerId } = {}
  ): Promise<boolean> {
    const { expected, ttlMs = defaultTtlMs } = options
    if (envelope.length > this.#limits.maxRecordBytes) return false
    if (expected !== undefined && this.#renew(expected, envelope, ttlMs)) return true
    let opened
    try {
      opened = await openPeerRecord(envelope, { maxBytes: this.#limits.maxRecordBytes })
    } catch {
      return false
    }
    const { peerId, seq, addresses, publicKey } = opened
    if (expected?.equals(peerId) === false) return false
    const record = this.#touch(peerId)
    if (record === undefined) return false
    const same = seq === record.recordSeq && sameBytes(record.signedRecord, envelope)
    // An older record is no truth. The very one that is known is no news, but its addresses may have expired meanwhile.
    if (record.recordSeq !== undefined && seq <= record.recordSeq && !same) return false
    if (!same) {
      record.publicKey ??= publicKey
      record.recordSeq = seq
      record.signedRecord = envelope.slice()
      dropCertified(record)
    }
    const expiresAt = expiryOf(this.#clock.now(), ttlMs)
    let changed = !same
    for (const address of addresses) changed = this.#addAddress(record, address, true, expiresAt, ttlMs) || changed
    record.recordAddresses = countCertified(record)
    if (changed) this.#changed(record)
    return true
  }

  setConnected(id: PeerId, connected: boolean): void {
    const record = connected ? this.#touch(id) : this.#peers.get(id.toString())
    if (record === undefined || record.connected === connected) return
    record.connected = connected
    record.changed()
    this.#sorted(record)
    if (connected) return
    // What was true while connected is believed for a while longer.
    const expiresAt = this.#clock.now() + defaultTtlMs
    for (const [key, known] of record.addresses ?? []) {
      if (known.expiresAt < expiresAt) record.addresses?.set(key, { certified: known.certified, expiresAt })
    }
    if (record.isEmpty) this.delete(id)
    else this.#changed(record)
  }

  delete(id: PeerId): void {
    const record = this.#peers.get(id.toString())
    if (record !== undefined) this.#forget(record)
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
      if (this.#peers.size >= this.#limits.maxPeers) this.#dropPeer()
      record = new PeerRecord(id)
      this.#peers.set(key, record)
      this.#measure(record)
    }
    this.#sorted(record)
    return record
  }

  /** Puts the record where it belongs after its connection or its tags changed. */
  #sorted(record: PeerRecord): void {
    this.#spare.delete(record)
    if (!record.connected && !record.isTagged) this.#spare.add(record)
  }

  #forget(record: PeerRecord): void {
    const key = record.id.toString()
    this.#peers.delete(key)
    this.#spare.delete(record)
    this.#bytes -= record.bytes
    this.#persistence?.touch(key)
  }

  /** Drops the least recently used peer that may go, else the one that is tagged lowest. */
  #dropPeer(): void {
    if (this.#dropSpare()) return
    const now = this.#clock.now()
    let [lowest, worth]: [PeerRecord | undefined, number] = [undefined, Number.POSITIVE_INFINITY]
    for (const record of this.#peers.values()) {
      if (record.connected) continue
      record.prune(now)
      this.#sorted(record)
      let sum = 0
      for (const { value } of record.tags?.values() ?? []) sum += value
      if (sum < worth) [lowest, worth] = [record, sum]
    }
    // Neither: as many connections as peers, which is bounded by the limits of connections.
    if (!this.#dropSpare() && lowest !== undefined) this.#forget(lowest)
  }

  #dropSpare(): boolean {
    const [first] = this.#spare
    if (first !== undefined) this.#forget(first)
    return first !== undefined
  }

  #addAddress(record: PeerRecord, address: Multiaddr, certified: boolean, expiresAt: number, ttlMs: number): boolean {
    if (address.bytes.length > this.#limits.maxAddressBytes) return false
    const key = packAddress(address, record.id)
    if (key.length === 0) return false
    record.addresses ??= new Map()
    const { addresses } = record
    const known = addresses.get(key)
    if (known === undefined) {
      if (addresses.size >= this.#limits.maxAddresses && !dropOne(addresses, certified, expiresAt)) return false
    } else {
      if (isEarly(known, expiresAt, ttlMs) && (known.certified || !certified)) return false
    }
    addresses.set(key, {
      certified: certified || known?.certified === true,
      expiresAt: Math.max(expiresAt, known?.expiresAt ?? 0)
    })
    return true
  }

  /**
   * Takes a record that was verified before as what it is: prolongs its addresses. False when it is another one, or some
   * of its addresses are gone.
   */
  #renew(id: PeerId, envelope: Uint8Array, ttlMs: number): boolean {
    const record = this.#peers.get(id.toString())
    if (record?.recordAddresses === undefined || !sameBytes(record.signedRecord, envelope)) return false
    const now = this.#clock.now()
    record.prune(now)
    if (countCertified(record) !== record.recordAddresses) return false
    this.#sorted(record)
    const expiresAt = expiryOf(now, ttlMs)
    let changed = false
    for (const [key, known] of record.addresses ?? []) {
      if (!known.certified || isEarly(known, expiresAt, ttlMs)) continue
      record.addresses?.set(key, { certified: true, expiresAt })
      changed = true
    }
    if (changed) this.#changed(record)
    return true
  }

  #fits(text: string): boolean {
    const { maxNameBytes } = this.#limits
    return text.length <= maxNameBytes && (text.length * 3 <= maxNameBytes || byteLength(text) <= maxNameBytes)
  }

  #setProtocols(record: PeerRecord, given: readonly string[]): boolean {
    const protocols = [...new Set(given.filter((name) => this.#fits(name)))].slice(0, this.#limits.maxProtocols)
    if (sameList(protocols, record.protocols)) return false
    record.protocols = this.#lists.share(protocols)
    return true
  }

  #setMetadata(record: PeerRecord, key: string, value: Uint8Array | undefined): boolean {
    if (value === undefined) return record.metadata?.delete(key) ?? false
    if (!this.#fits(key)) return false
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
    const expiresAt = expiryOf(this.#clock.now(), ttlMs)
    if (!this.#fits(name)) return false
    record.tags ??= new Map()
    const known = record.tags.get(name)
    if (known === undefined && record.tags.size >= this.#limits.maxTags) return false
    const bounded = value > 0 ? Math.round(Math.min(value, 100)) : 0
    if (known?.value === bounded && known.expiresAt === expiresAt) return false
    record.tags.set(name, Object.freeze({ value: bounded, expiresAt }))
    return true
  }

  #changed(record: PeerRecord): void {
    record.changed()
    this.#sorted(record)
    this.#measure(record)
    this.#persistence?.touch(record.id.toString())
  }

  /** Counts the record anew; those that may go do so when all of them together have become too large. */
  #measure(record: PeerRecord): void {
    const bytes = record.measure()
    this.#bytes += bytes - record.bytes
    record.bytes = bytes
    while (this.#bytes > this.#limits.maxBytes && this.#dropSpare());
  }
}

/** RFC 0003: what the last record named and the next one does not is stale. What a user gave for ever stays for ever. */
function dropCertified(record: PeerRecord): void {
  for (const [key, { certified, expiresAt }] of record.addresses ?? []) {
    if (!certified) continue
    if (expiresAt === Number.POSITIVE_INFINITY) record.addresses?.set(key, { certified: false, expiresAt })
    else record.addresses?.delete(key)
  }
}

function countCertified(record: PeerRecord): number {
  let count = 0
  for (const { certified } of record.addresses?.values() ?? []) if (certified) count++
  return count
}

function checkKey(id: PeerId, key: NonNullable<PeerPatch['publicKey']>): void {
  if (id.publicKey === key || peerIdFromPublicKey(key).equals(id)) return
  throw new PeerloomError('ERR_INVALID_ARGUMENT', `the public key is not that of ${id.toString()}`)
}

function sameBytes(one: Uint8Array | undefined, two: Uint8Array): boolean {
  return one !== undefined && one.length === two.length && one.every((byte, at) => byte === two[at])
}
