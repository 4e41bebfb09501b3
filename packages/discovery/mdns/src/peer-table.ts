import { BoundedMap } from '@peerloom/bounded'
import type { FoundPeer } from '@peerloom/interface'
import type { Sighting } from './found-peers.ts'

export interface PeerTableOptions {
  /** Peers that are known at once; those seen longest ago are forgotten first. */
  readonly maxPeers: number
  /** Peers that one source may tell of. */
  readonly maxPeersPerSource: number
  /** Addresses of one peer. */
  readonly maxAddresses: number
}

interface Seen {
  /** When it is to be told of again, should it be seen again. */
  readonly againAt: number
  readonly expiresAt: number
}

interface Known {
  readonly source: string
  instance: string
  readonly addresses: Map<string, Seen>
}

/** An hour, as the address book has it: what is said for longer is not believed for longer. */
const maxTtlSeconds = 3600

/** Who is on the network, so that the node hears what is news. Pure: times come with the calls. */
export class PeerTable {
  readonly #options: PeerTableOptions
  readonly #peers: BoundedMap<string, Known>
  readonly #bySource = new Map<string, number>()
  readonly #byInstance = new Map<string, string>()

  constructor(options: PeerTableOptions) {
    this.#options = options
    this.#peers = new BoundedMap({
      maxEntries: options.maxPeers,
      onEvict: (key, known) => this.#left(key, known)
    })
  }

  get size(): number {
    return this.#peers.size
  }

  /** What is news of a sighting: a new peer, new addresses, or some that would lapse before long. */
  see(sighting: Sighting, source: string, now: number): FoundPeer | undefined {
    const { id, instance } = sighting
    const key = id.toString()
    if (sighting.ttlSeconds === 0) {
      this.#forget(key)
      return undefined
    }
    const ttlMs = Math.min(sighting.ttlSeconds, maxTtlSeconds) * 1000
    const known = this.#peers.get(key) ?? this.#meet(key, source, instance)
    if (known === undefined) return undefined
    if (this.#byInstance.get(known.instance) === key) this.#byInstance.delete(known.instance)
    this.#byInstance.set(instance, key)
    known.instance = instance
    const news = sighting.addresses.filter((address) => {
      const text = address.toString()
      const seen = known.addresses.get(text)
      if (seen === undefined ? known.addresses.size >= this.#options.maxAddresses : seen.againAt > now) return false
      known.addresses.set(text, { againAt: now + ttlMs / 2, expiresAt: now + ttlMs })
      return true
    })
    return news.length === 0 ? undefined : { id, addresses: news, ttlMs }
  }

  /** The peer of that name is gone. */
  goodbye(instance: string): void {
    const key = this.#byInstance.get(instance)
    if (key !== undefined) this.#forget(key)
  }

  /** Forgets addresses that were not seen for as long as they were to last, and peers without any. */
  prune(now: number): void {
    for (const [key, { addresses }] of this.#peers) {
      for (const [text, { expiresAt }] of addresses) if (expiresAt <= now) addresses.delete(text)
      if (addresses.size === 0) this.#forget(key)
    }
  }

  #meet(key: string, source: string, instance: string): Known | undefined {
    const count = this.#bySource.get(source) ?? 0
    if (count >= this.#options.maxPeersPerSource) return undefined
    const known: Known = { source, instance, addresses: new Map() }
    this.#peers.set(key, known)
    this.#bySource.set(source, count + 1)
    return known
  }

  #forget(key: string): void {
    const known = this.#peers.peek(key)
    if (known === undefined) return
    this.#peers.delete(key)
    this.#left(key, known)
  }

  #left(key: string, { source, instance }: Known): void {
    if (this.#byInstance.get(instance) === key) this.#byInstance.delete(instance)
    const count = (this.#bySource.get(source) ?? 0) - 1
    if (count > 0) this.#bySource.set(source, count)
    else this.#bySource.delete(source)
  }
}
