import { BoundedMap, TokenBucket } from '@peerloom/bounded'
import type { Clock } from '@peerloom/interface'

export interface CandidateGateOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly maxPending: number
  readonly maxPerSource: number
  readonly rate: { readonly burst: number; readonly ratePerSecond: number }
}

/** A connection in the making. */
export interface Candidate {
  readonly key: string
  readonly source: string | undefined
  readonly since: number
  /** It has answered a packet of ours, so that its address is its own. */
  proven: boolean
  /** Ends it. */
  drop(): void
}

const maxSources = 4096
const maxRecent = 4096
/** Clients that have not noticed the end of a connection go on asking for it. */
const recentMs = 30_000
/** One that has not answered for this long may be dropped for another. */
const patienceMs = 1000

/**
 * Who may cause a connection to be made: one packet is all that it takes, from an address that may be anybody's. Pure but
 * for the clock.
 */
export class CandidateGate {
  readonly #options: CandidateGateOptions
  readonly #buckets: BoundedMap<string, TokenBucket>
  readonly #recent: BoundedMap<string, true>
  readonly #pending = new Map<string, Candidate>()

  constructor(options: CandidateGateOptions) {
    this.#options = options
    this.#buckets = new BoundedMap({ maxEntries: maxSources })
    this.#recent = new BoundedMap({ maxEntries: maxRecent, ttlMs: recentMs, clock: options.clock })
  }

  get pending(): number {
    return this.#pending.size
  }

  /** A place for the client, to be left with `leave`; undefined when it has one, had one, or gets none. */
  enter(host: string, port: number, ufrag: string, drop: () => void): Candidate | undefined {
    const { clock, maxPending, maxPerSource, rate } = this.#options
    const key = `${host} ${port} ${ufrag}`
    if (this.#pending.has(key) || this.#recent.has(key)) return undefined
    const source = sourceOf(host)
    if (source !== undefined) {
      let count = 0
      for (const candidate of this.#pending.values()) if (candidate.source === source) count++
      if (count >= maxPerSource) return undefined
    }
    if (this.#pending.size >= maxPending && !this.#makeRoom()) return undefined
    if (source !== undefined) {
      let bucket = this.#buckets.get(source)
      if (bucket === undefined) {
        bucket = new TokenBucket({ ...rate, clock })
        this.#buckets.set(source, bucket)
      }
      if (!bucket.take()) return undefined
    }
    const candidate: Candidate = { key, source, since: clock.now(), proven: false, drop }
    this.#pending.set(key, candidate)
    return candidate
  }

  /** It has become a connection. */
  leave(candidate: Candidate): void {
    this.#pending.delete(candidate.key)
  }

  /** It has failed, or the connection is over. What the client still sends is not taken for a new one. */
  bar(candidate: Candidate): void {
    this.#pending.delete(candidate.key)
    this.#recent.set(candidate.key, true)
  }

  clear(): void {
    for (const candidate of [...this.#pending.values()]) candidate.drop()
    this.#pending.clear()
  }

  /** Drops the oldest that did not answer, when it had its time. */
  #makeRoom(): boolean {
    const now = this.#options.clock.now()
    for (const candidate of this.#pending.values()) {
      if (candidate.proven) continue
      if (now - candidate.since < patienceMs) return false
      this.bar(candidate)
      candidate.drop()
      return true
    }
    return false
  }
}

/** What limits are counted by: an IPv4 address, the /64 of an IPv6 one. Undefined for this host. */
export function sourceOf(host: string): string | undefined {
  if (host === '::1' || host.startsWith('127.')) return undefined
  if (!host.includes(':')) return host
  const [head = '', tail] = host.split('::')
  const groups = head.split(':').filter((group) => group !== '')
  if (tail === undefined || groups.length >= 4) return groups.slice(0, 4).join(':')
  const behind = tail.split(':').filter((group) => group !== '')
  return [...groups, ...Array<string>(8 - groups.length - behind.length).fill('0'), ...behind].slice(0, 4).join(':')
}
