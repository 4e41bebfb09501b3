import { PeerloomError } from '@peerloom/interface'
import { decayIn } from './score/score-options.ts'

export interface GaterOptions {
  /** Turned on when so much of what is validated finds no room. Default 0.33. */
  readonly threshold?: number
  /** Turned off when nothing was short of room for this long. Default 60,000. */
  readonly quietMs?: number
  /** Time between decays. Default 1,000. */
  readonly decayIntervalMs?: number
  /** Of what was validated and throttled, by decay. Default: gone in 2 minutes. */
  readonly globalDecay?: number
  /** Of what a source delivered, by decay. Default: gone in an hour. */
  readonly sourceDecay?: number
  /** How long a source is remembered after its last peer left. Default 6 hours. */
  readonly retainMs?: number
  /** Sources without peers that are remembered. Default 10,000. */
  readonly maxRetained?: number
  /** What a duplicate counts against a source. Default 0.125. */
  readonly duplicateWeight?: number
  /** What an ignored message counts. Default 1. */
  readonly ignoreWeight?: number
  /** What a rejected message counts. Default 16. */
  readonly rejectWeight?: number
  /** What a delivery in a topic counts for a source. Default 1 in each. */
  readonly topicWeights?: Readonly<Record<string, number>>
}

const defaults = {
  threshold: 0.33,
  quietMs: 60_000,
  decayIntervalMs: 1000,
  globalDecay: decayIn(120_000),
  sourceDecay: decayIn(3_600_000),
  retainMs: 6 * 3_600_000,
  maxRetained: 10_000,
  duplicateWeight: 0.125,
  ignoreWeight: 1,
  rejectWeight: 16,
  topicWeights: {} as Readonly<Record<string, number>>
}

const toZero = 0.01

/** Where peers come from: an IP, or the peer itself where none is known. */
class Source {
  readonly key: string
  peers = 0
  expires = 0
  delivered = 0
  duplicate = 0
  ignored = 0
  rejected = 0

  constructor(key: string) {
    this.key = key
  }

  decay(factor: number): void {
    this.delivered = decayed(this.delivered, factor)
    this.duplicate = decayed(this.duplicate, factor)
    this.ignored = decayed(this.ignored, factor)
    this.rejected = decayed(this.rejected, factor)
  }
}

/**
 * While validation can not keep up, turns away messages before they are looked at, at random and the more often the less of
 * what a source sends is worth it (go-libp2p-pubsub's peer gater). Control messages always pass.
 */
export class PeerGater {
  readonly #options: typeof defaults
  readonly #random: () => number
  readonly #sources = new Map<string, Source>()
  readonly #peers = new Map<string, Source>()
  // In the order they were left in.
  readonly #left = new Map<string, Source>()
  #validated = 0
  #throttled = 0
  #throttledAt = Number.NEGATIVE_INFINITY
  #decaysAt: number

  constructor(options: GaterOptions, random: () => number, now: number) {
    this.#options = { ...defaults, ...options }
    this.#random = random
    this.#decaysAt = now + this.#options.decayIntervalMs
    const { threshold, globalDecay, sourceDecay } = this.#options
    if (!(threshold > 0 && globalDecay > 0 && globalDecay < 1 && sourceDecay > 0 && sourceDecay < 1)) {
      throw new PeerloomError(
        'ERR_INVALID_ARGUMENT',
        'gossipsub gater: threshold is above 0, decays are between 0 and 1'
      )
    }
  }

  get size(): number {
    return this.#sources.size + this.#peers.size
  }

  add(peerId: string, ip: string | undefined): void {
    const key = ip ?? peerId
    let source = this.#sources.get(key)
    if (source === undefined) this.#sources.set(key, (source = new Source(key)))
    this.#left.delete(key)
    source.peers++
    this.#peers.set(peerId, source)
  }

  remove(peerId: string, now: number): void {
    const source = this.#peers.get(peerId)
    this.#peers.delete(peerId)
    if (source === undefined || --source.peers > 0) return
    source.expires = now + this.#options.retainMs
    this.#left.set(source.key, source)
    if (this.#left.size <= this.#options.maxRetained) return
    for (const oldest of this.#left.keys()) return this.#forget(oldest)
  }

  /** May the peer's messages be looked at now? */
  admits(peerId: string, now: number): boolean {
    const { threshold, quietMs, duplicateWeight, ignoreWeight, rejectWeight } = this.#options
    if (this.#throttled === 0 || now - this.#throttledAt > quietMs) return true
    if (this.#validated !== 0 && this.#throttled / this.#validated < threshold) return true
    const source = this.#peers.get(peerId)
    if (source === undefined) return true
    const { delivered, duplicate, ignored, rejected } = source
    const total = delivered + duplicateWeight * duplicate + ignoreWeight * ignored + rejectWeight * rejected
    // One more on both sides: the first bad message does not shut anybody out, and nobody is shut out for good.
    return total === 0 || this.#random() < (1 + delivered) / (1 + total)
  }

  validating(): void {
    this.#validated++
  }

  throttled(now: number): void {
    this.#throttled++
    this.#throttledAt = now
  }

  delivered(peerId: string, topic: string): void {
    const source = this.#peers.get(peerId)
    if (source !== undefined) source.delivered += this.#options.topicWeights[topic] ?? 1
  }

  counted(peerId: string, kind: 'duplicate' | 'ignored' | 'rejected'): void {
    const source = this.#peers.get(peerId)
    if (source !== undefined) source[kind]++
  }

  tick(now: number): void {
    if (now < this.#decaysAt) return
    this.#decaysAt = now + this.#options.decayIntervalMs
    this.#validated = decayed(this.#validated, this.#options.globalDecay)
    this.#throttled = decayed(this.#throttled, this.#options.globalDecay)
    for (const source of this.#sources.values()) if (source.peers > 0) source.decay(this.#options.sourceDecay)
    for (const [key, { expires }] of this.#left) {
      if (expires > now) return
      this.#forget(key)
    }
  }

  #forget(key: string): void {
    this.#left.delete(key)
    this.#sources.delete(key)
  }
}

const decayed = (value: number, factor: number): number => {
  const next = value * factor
  return next < toZero ? 0 : next
}
