import { BoundedMap, TokenBucket } from '@peerloom/bounded'
import type { FoundPeer } from '@peerloom/interface'
import type { Sighting } from './found-peers.ts'

export interface PeerTableOptions {
  /** Peers that are known at once, those seen longest ago are forgotten first; and that are met in a minute. */
  readonly maxPeers: number
  /** Peers that one source may bring up in a minute. */
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
  instance: string
  readonly addresses: Map<string, Seen>
}

/** An hour, as the address book has it: what is said for longer is not believed for longer. */
const maxTtlSeconds = 3600
/** Sources that are counted at once. */
const maxSources = 256

/** Who is on the network, so that the node hears what is news. Pure: times come with the calls. */
export class PeerTable {
  readonly #options: PeerTableOptions
  readonly #peers: BoundedMap<string, Known>
  readonly #newcomers: TokenBucket
  readonly #bySource = new BoundedMap<string, TokenBucket>({ maxEntries: maxSources })
  readonly #byInstance = new Map<string, string>()

  #now: number

  constructor(options: PeerTableOptions, now: number) {
    this.#options = options
    this.#now = now
    this.#newcomers = this.#perMinute(options.maxPeers)
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
    this.#now = now
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

  /** Who says hello and goodbye all the time is not to keep the node dialling. */
  #meet(key: string, source: string, instance: string): Known | undefined {
    let bucket = this.#bySource.get(source)
    if (bucket === undefined) {
      bucket = this.#perMinute(this.#options.maxPeersPerSource)
      this.#bySource.set(source, bucket)
    }
    if (!bucket.take() || !this.#newcomers.take()) return undefined
    const known: Known = { instance, addresses: new Map() }
    this.#peers.set(key, known)
    return known
  }

  #perMinute(count: number): TokenBucket {
    return new TokenBucket({ ratePerSecond: count / 60, burst: count, clock: { now: () => this.#now } })
  }

  #forget(key: string): void {
    const known = this.#peers.peek(key)
    if (known === undefined) return
    this.#peers.delete(key)
    this.#left(key, known)
  }

  #left(key: string, { instance }: Known): void {
    if (this.#byInstance.get(instance) === key) this.#byInstance.delete(instance)
  }
}
