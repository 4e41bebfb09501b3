import { PeerloomError, systemClock } from '@peerloom/interface'
import type { Clock } from '@peerloom/interface'

export type EvictReason = 'full' | 'expired'

export interface BoundedMapOptions<K, V> {
  /** The most entries it holds. */
  readonly maxEntries: number
  /** When full: drop the least recently used entry, or refuse the new one. Default `lru`. */
  readonly whenFull?: 'lru' | 'reject'
  /** Entries are gone this long after they were set. Default: they stay. */
  readonly ttlMs?: number
  readonly clock?: Pick<Clock, 'now'>
  /** Called for each entry that the map itself drops; not for `delete` and `clear`. */
  readonly onEvict?: (key: K, value: V, reason: EvictReason) => void
}

interface Entry<V> {
  readonly value: V
  readonly expires: number
}

/**
 * A map that a remote may fill without end. Every call takes constant time, but `prune` and iteration.
 *
 * ```ts
 * const seen = new BoundedMap<string, true>({ maxEntries: 10_000, ttlMs: 120_000 })
 * if (seen.has(id)) return
 * seen.set(id, true)
 * ```
 */
export class BoundedMap<K, V> {
  // In order of use (lru) or of setting (reject): the first is the one to go.
  readonly #entries = new Map<K, Entry<V>>()
  readonly #maxEntries: number
  readonly #lru: boolean
  readonly #ttlMs: number
  readonly #clock: Pick<Clock, 'now'>
  readonly #onEvict: BoundedMapOptions<K, V>['onEvict']

  constructor(options: BoundedMapOptions<K, V>) {
    if (!(options.maxEntries >= 1)) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', `maxEntries is ${options.maxEntries}, it must be 1 or more`)
    }
    this.#maxEntries = options.maxEntries
    this.#lru = options.whenFull !== 'reject'
    this.#ttlMs = options.ttlMs ?? Number.POSITIVE_INFINITY
    this.#clock = options.clock ?? systemClock
    this.#onEvict = options.onEvict
  }

  /** Counts entries that are past their time and not yet noticed. */
  get size(): number {
    return this.#entries.size
  }

  /** The value, which now counts as used. */
  get(key: K): V | undefined {
    const entry = this.#live(key)
    if (entry === undefined) return undefined
    if (this.#lru) {
      this.#entries.delete(key)
      this.#entries.set(key, entry)
    }
    return entry.value
  }

  /** The value, without counting as a use. */
  peek(key: K): V | undefined {
    return this.#live(key)?.value
  }

  has(key: K): boolean {
    return this.#live(key) !== undefined
  }

  /** Sets or replaces, and starts the time of the entry anew. False: the map is full and refuses. */
  set(key: K, value: V): boolean {
    const known = this.#entries.delete(key)
    if (!known && this.#entries.size >= this.#maxEntries && !this.#makeRoom()) return false
    const expires = this.#ttlMs === Number.POSITIVE_INFINITY ? this.#ttlMs : this.#clock.now() + this.#ttlMs
    this.#entries.set(key, { value, expires })
    return true
  }

  delete(key: K): boolean {
    return this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  /** Drops every entry that is past its time; gives their number. */
  prune(): number {
    const before = this.#entries.size
    for (const [key, entry] of this.#entries) if (this.#expired(entry)) this.#evict(key, entry, 'expired')
    return before - this.#entries.size
  }

  *[Symbol.iterator](): IterableIterator<[K, V]> {
    for (const [key, entry] of this.#entries) if (!this.#expired(entry)) yield [key, entry.value]
  }

  *keys(): IterableIterator<K> {
    for (const [key] of this) yield key
  }

  *values(): IterableIterator<V> {
    for (const [, value] of this) yield value
  }

  #live(key: K): Entry<V> | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || !this.#expired(entry)) return entry
    this.#evict(key, entry, 'expired')
    return undefined
  }

  #expired(entry: Entry<V>): boolean {
    return entry.expires !== Number.POSITIVE_INFINITY && entry.expires <= this.#clock.now()
  }

  #makeRoom(): boolean {
    for (const [key, entry] of this.#entries) {
      const expired = this.#expired(entry)
      if (!expired && !this.#lru) return false
      this.#evict(key, entry, expired ? 'expired' : 'full')
      return true
    }
    return true
  }

  #evict(key: K, entry: Entry<V>, reason: EvictReason): void {
    this.#entries.delete(key)
    this.#onEvict?.(key, entry.value, reason)
  }
}
