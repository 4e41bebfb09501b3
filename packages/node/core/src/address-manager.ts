import type { Multiaddr } from '@multiformats/multiaddr'
import { kindOf, subscriberOf } from '@peerloom/addresses'
import { BoundedMap } from '@peerloom/bounded'
import { sealPeerRecord } from '@peerloom/identity'
import type {
  Addresses,
  Clock,
  Connection,
  Events,
  NodeEvents,
  OwnAddress,
  PrivateKey,
  Reachability
} from '@peerloom/interface'

/** Distinct observers (by IP) that must agree on an address before it counts as ours. */
const observersNeeded = 4
const maxObserved = 64
const maxObservers = 16
/** Observed addresses that are told to others: those that most peers agree on. */
const maxObservedTold = 8

export interface AddressManagerOptions {
  readonly privateKey: PrivateKey
  readonly clock: Clock
  readonly events: Events<NodeEvents>
  /** What the listeners are bound to now. */
  readonly listening: () => readonly Multiaddr[]
  /** Told instead of what is listened on. */
  readonly announce: readonly Multiaddr[]
  /** Told besides what is listened on. */
  readonly appendAnnounce: readonly Multiaddr[]
  /** False keeps an address to ourselves. */
  readonly filter: (address: Multiaddr) => boolean
}

/** Every own address with where it comes from and whether it is reachable, and the signed record over them. */
export class AddressManager implements Addresses {
  readonly #options: AddressManagerOptions
  readonly #observed = new BoundedMap<string, { readonly address: Multiaddr; readonly observers: Set<string> }>({
    maxEntries: maxObserved
  })
  readonly #added = new Map<string, { readonly address: Multiaddr; readonly source: OwnAddress['source'] }>()
  readonly #reachability = new BoundedMap<string, Reachability>({ maxEntries: 256 })
  #seq = 0n
  #record: Promise<Uint8Array> | undefined
  #list: readonly OwnAddress[] = []

  constructor(options: AddressManagerOptions) {
    this.#options = options
  }

  list(): readonly OwnAddress[] {
    return this.#list
  }

  observe(address: Multiaddr, observer: Connection): void {
    // The source port of a dialled connection is not one that we listen on.
    if (observer.direction !== 'inbound' || kindOf(address).scope === 'loopback' || kindOf(address).relayed) return
    const key = address.toString()
    const { remoteAddress, remotePeer } = observer
    const from = subscriberOf(remoteAddress) ?? remoteAddress.getComponents()[0]?.value ?? remotePeer.toString()
    let entry = this.#observed.get(key)
    if (entry === undefined) {
      entry = { address, observers: new Set() }
      this.#observed.set(key, entry)
    }
    if (entry.observers.size >= maxObservers || entry.observers.has(from)) return
    entry.observers.add(from)
    if (entry.observers.size >= observersNeeded) this.refresh()
  }

  add(address: Multiaddr, source: OwnAddress['source']): () => void {
    const key = address.toString()
    const entry = { address, source }
    this.#added.set(key, entry)
    this.refresh()
    return () => {
      if (this.#added.get(key) !== entry) return
      this.#added.delete(key)
      this.refresh()
    }
  }

  setReachability(address: Multiaddr, reachability: Reachability): void {
    this.#reachability.set(address.toString(), reachability)
    this.refresh()
  }

  async signedRecord(): Promise<Uint8Array> {
    this.#record ??= this.#seal()
    return this.#record
  }

  /** Gathers the addresses anew; tells the node when they changed. */
  refresh(): void {
    const { announce, appendAnnounce, listening, filter, events } = this.#options
    const found = new Map<string, OwnAddress>()
    const take = (address: Multiaddr, source: OwnAddress['source']): void => {
      const key = address.toString()
      if (found.has(key) || !filter(address)) return
      found.set(key, { address, source, reachability: this.#reachability.get(key) ?? 'unknown' })
    }
    if (announce.length > 0) for (const address of announce) take(address, 'announced')
    else for (const address of listening()) take(address, 'listen')
    for (const address of appendAnnounce) take(address, 'announced')
    for (const { address, source } of this.#added.values()) take(address, source)
    for (const address of this.#agreedOn()) take(address, 'observed')
    const list = [...found.values()]
    const same =
      list.length === this.#list.length &&
      list.every(({ address, source, reachability }, at) => {
        const before = this.#list[at] as OwnAddress
        return before.address.equals(address) && before.source === source && before.reachability === reachability
      })
    if (same) return
    this.#list = list
    this.#record = undefined
    events.emit('addresses', list)
  }

  #agreedOn(): Multiaddr[] {
    return [...this.#observed]
      .filter(([, { observers }]) => observers.size >= observersNeeded)
      .toSorted(([a, one], [b, two]) => two.observers.size - one.observers.size || (a < b ? -1 : 1))
      .slice(0, maxObservedTold)
      .map(([, { address }]) => address)
  }

  #seal(): Promise<Uint8Array> {
    // Nanoseconds, as go-libp2p counts, so that a peer which changes implementation keeps growing.
    const now = BigInt(this.#options.clock.now()) * 1_000_000n
    this.#seq = now > this.#seq ? now : this.#seq + 1n
    const addresses = this.#list.map(({ address }) => address)
    const sealing = sealPeerRecord(this.#options.privateKey, { seq: this.#seq, addresses })
    sealing.catch(() => {
      if (this.#record === sealing) this.#record = undefined
    })
    return sealing
  }
}
