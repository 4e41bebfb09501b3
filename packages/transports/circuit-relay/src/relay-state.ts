import { BoundedMap, TokenBucket } from '@peerloom/bounded'
import { type Status, status } from './constants.ts'

/** Bursts, then a steady rate. */
export interface Rate {
  readonly burst: number
  readonly perMinute: number
}

/** What a relay gives away at most. */
export interface RelayLimits {
  readonly reservationTtlMs: number
  readonly maxReservations: number
  readonly maxReservationsPerAddress: number
  readonly maxCircuits: number
  readonly maxCircuitsPerPeer: number
  readonly maxCircuitsPerAddress: number
  readonly reservationsPerPeer: Rate
  readonly reservationsPerAddress: Rate
  readonly circuitsPerPeer: Rate
  readonly circuitsPerAddress: Rate
}

/** Who asks. */
export interface Asker {
  readonly peer: string
  /** Who counts as one by where they are; undefined counts as nobody. */
  readonly subscriber: string | undefined
  /** It came through a relay. */
  readonly relayed: boolean
}

/** A circuit that is being made, or is there; give it back with `over`. */
export interface Ticket {
  readonly source: Asker
  readonly target: string
}

export type ReserveVerdict =
  | { readonly status: typeof status.ok; readonly expiresAt: number }
  | { readonly status: Exclude<Status, typeof status.ok> }

export type ConnectVerdict =
  | { readonly status: typeof status.ok; readonly ticket: Ticket }
  | { readonly status: Exclude<Status, typeof status.ok> }

interface Reservation {
  readonly subscriber: string | undefined
  readonly expiresAt: number
}

/** Askers whose rate is remembered; those that asked longest ago are forgotten first. */
const maxBuckets = 4096

/** Counts of what is held, by name; a name that holds nothing has no entry. */
class Counts {
  readonly #counts = new Map<string, number>()

  get(name: string | undefined): number {
    return name === undefined ? 0 : (this.#counts.get(name) ?? 0)
  }

  add(name: string | undefined, amount: 1 | -1): void {
    if (name === undefined) return
    const count = this.get(name) + amount
    if (count > 0) this.#counts.set(name, count)
    else this.#counts.delete(name)
  }

  get size(): number {
    return this.#counts.size
  }
}

/** A token bucket for each name. */
class Rates {
  readonly #rate: Rate
  readonly #buckets = new BoundedMap<string, TokenBucket>({ maxEntries: maxBuckets })
  #now = 0

  constructor(rate: Rate) {
    this.#rate = rate
  }

  take(name: string | undefined, now: number): boolean {
    if (name === undefined) return true
    this.#now = now
    let bucket = this.#buckets.get(name)
    if (bucket === undefined) {
      const { burst, perMinute } = this.#rate
      bucket = new TokenBucket({ burst, ratePerSecond: perMinute / 60, clock: { now: () => this.#now } })
      this.#buckets.set(name, bucket)
    }
    return bucket.take()
  }
}

/** A relay's memory, pure: who has a reservation, how many circuits there are, and who may have more. */
export class RelayState {
  readonly #limits: RelayLimits
  readonly #reservations = new Map<string, Reservation>()
  readonly #reservationsByAddress = new Counts()
  readonly #circuitsByPeer = new Counts()
  readonly #circuitsByAddress = new Counts()
  readonly #rates: Readonly<Record<'reservePeer' | 'reserveAddress' | 'connectPeer' | 'connectAddress', Rates>>
  #circuits = 0

  constructor(limits: RelayLimits) {
    this.#limits = limits
    this.#rates = {
      reservePeer: new Rates(limits.reservationsPerPeer),
      reserveAddress: new Rates(limits.reservationsPerAddress),
      connectPeer: new Rates(limits.circuitsPerPeer),
      connectAddress: new Rates(limits.circuitsPerAddress)
    }
  }

  get reservations(): number {
    return this.#reservations.size
  }

  get circuits(): number {
    return this.#circuits
  }

  /** Peers and addresses that something is counted for: must be none when nobody is there. */
  get counted(): number {
    return this.#circuitsByPeer.size + this.#circuitsByAddress.size + this.#reservationsByAddress.size
  }

  holds(peer: string, now: number): boolean {
    return (this.#reservations.get(peer)?.expiresAt ?? 0) > now
  }

  /** A reservation, or more time for one that is there. */
  reserve(asker: Asker, now: number): ReserveVerdict {
    const { peer, subscriber } = asker
    if (asker.relayed) return { status: status.permissionDenied }
    const { reservePeer, reserveAddress } = this.#rates
    if (!reservePeer.take(peer, now) || !reserveAddress.take(subscriber, now)) {
      return { status: status.reservationRefused }
    }
    const { maxReservations, maxReservationsPerAddress, reservationTtlMs } = this.#limits
    const before = this.#reservations.get(peer)
    const sharing = this.#reservationsByAddress.get(subscriber) - (before?.subscriber === subscriber ? 1 : 0)
    const others = this.#reservations.size - (before === undefined ? 0 : 1)
    if (others >= maxReservations || (subscriber !== undefined && sharing >= maxReservationsPerAddress)) {
      return { status: status.reservationRefused }
    }
    // The message counts in seconds.
    const expiresAt = Math.floor((now + reservationTtlMs) / 1000) * 1000
    this.leave(peer)
    this.#reservations.set(peer, { subscriber, expiresAt })
    this.#reservationsByAddress.add(subscriber, 1)
    return { status: status.ok, expiresAt }
  }

  /** The peer is gone, and its reservation with it. False when there was none. */
  leave(peer: string): boolean {
    const reservation = this.#reservations.get(peer)
    if (reservation === undefined) return false
    this.#reservations.delete(peer)
    this.#reservationsByAddress.add(reservation.subscriber, -1)
    return true
  }

  /** Ends what has expired. Gives whose it was, and when to come again. */
  expire(now: number): { readonly ended: readonly string[]; readonly nextAt: number | undefined } {
    const ended: string[] = []
    let nextAt: number | undefined
    for (const [peer, { expiresAt }] of this.#reservations) {
      if (expiresAt <= now) ended.push(peer)
      else nextAt = Math.min(nextAt ?? expiresAt, expiresAt)
    }
    for (const peer of ended) this.leave(peer)
    return { ended, nextAt }
  }

  /** A circuit from the asker to a peer with a reservation. */
  connect(source: Asker, target: string, now: number): ConnectVerdict {
    if (source.relayed || source.peer === target) return { status: status.permissionDenied }
    const { connectPeer, connectAddress } = this.#rates
    if (!connectPeer.take(source.peer, now) || !connectAddress.take(source.subscriber, now)) {
      return { status: status.resourceLimitExceeded }
    }
    if (!this.holds(target, now)) return { status: status.noReservation }
    const { maxCircuits, maxCircuitsPerPeer, maxCircuitsPerAddress } = this.#limits
    const full =
      this.#circuits >= maxCircuits ||
      this.#circuitsByPeer.get(source.peer) >= maxCircuitsPerPeer ||
      this.#circuitsByPeer.get(target) >= maxCircuitsPerPeer ||
      this.#circuitsByAddress.get(source.subscriber) >= maxCircuitsPerAddress
    if (full) return { status: status.resourceLimitExceeded }
    this.#count(source, target, 1)
    return { status: status.ok, ticket: { source, target } }
  }

  /** A circuit is over, or came to nothing. Once for each ticket. */
  over({ source, target }: Ticket): void {
    this.#count(source, target, -1)
  }

  /** Circuits of a peer, at either end. */
  circuitsOf(peer: string): number {
    return this.#circuitsByPeer.get(peer)
  }

  #count(source: Asker, target: string, amount: 1 | -1): void {
    this.#circuits += amount
    this.#circuitsByPeer.add(source.peer, amount)
    this.#circuitsByPeer.add(target, amount)
    this.#circuitsByAddress.add(source.subscriber, amount)
  }
}
