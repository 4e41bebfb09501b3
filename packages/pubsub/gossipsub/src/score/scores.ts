import type { Topic } from '../topic.ts'
import { Colocation } from './colocation.ts'
import { PeerScore } from './peer-score.ts'
import { type ScoreOptions, type ScoreSettings, type ScoreThresholds, scoreSettingsOf } from './score-options.ts'
import type { TopicScoreSettings } from './score-options.ts'

const none: ScoreThresholds = { gossip: 0, publish: 0, graylist: 0, acceptExchange: 0, opportunisticGraft: 0 }

/** The score of everybody where there are none. */
const unscored = new PeerScore('', [])

/** What a topic is called, and how it counts. */
type Scored = Pick<Topic, 'name' | 'score'>

/**
 * The scores of all peers, those that left and owe included. Rewards show at the next decay; punishments at once, so that a
 * flood is over with the message that crosses the threshold.
 */
export class Scores {
  readonly thresholds: ScoreThresholds
  // Undefined: no scores. Then every peer has 0 for ever.
  readonly #settings: ScoreSettings | undefined
  readonly #colocation: Colocation
  readonly #connected = new Map<string, PeerScore>()
  // The one that left first is the first.
  readonly #retained = new Map<string, PeerScore>()
  #decaysAt: number

  constructor(options: ScoreOptions | undefined, now: number) {
    this.#settings = options && scoreSettingsOf(options)
    this.thresholds = this.#settings?.thresholds ?? none
    this.#colocation = new Colocation(this.#settings?.colocationThreshold ?? 0, this.#settings?.colocationAllowed)
    this.#decaysAt = now + (this.#settings?.decayIntervalMs ?? 0)
  }

  get retained(): number {
    return this.#retained.size
  }

  /** IPs that are counted. */
  get ips(): number {
    return this.#colocation.size
  }

  of(peerId: string): PeerScore | undefined {
    return this.#connected.get(peerId) ?? this.#retained.get(peerId)
  }

  topic(name: string): TopicScoreSettings | undefined {
    return this.#settings?.topic(name)
  }

  add(id: string, ips: readonly string[] = []): PeerScore {
    if (this.#settings === undefined) return unscored
    const score = new PeerScore(id, ips)
    const retained = this.#retained.get(id)
    if (retained !== undefined) {
      this.#forget(retained)
      score.topics = retained.topics
      score.behaviour = retained.behaviour
      score.slow = retained.slow
      score.promises = retained.promises
    }
    this.#connected.set(id, score)
    this.#colocation.add(score)
    score.app = this.#settings.appScore?.(id) ?? 0
    this.#update(score)
    return score
  }

  remove(score: PeerScore, now: number): void {
    if (this.#settings === undefined) return
    this.#connected.delete(score.id)
    score.isConnected = false
    for (const counters of score.topics?.values() ?? []) {
      counters.pruned()
      counters.firstDeliveries = 0
    }
    if (!score.owes) {
      this.#colocation.remove(score)
      return
    }
    score.expires = now + this.#settings.retainMs
    this.#retained.set(score.id, score)
    if (this.#retained.size <= this.#settings.maxRetained) return
    for (const oldest of this.#retained.values()) {
      this.#forget(oldest)
      return
    }
  }

  grafted(score: PeerScore, topic: Scored, now: number): void {
    if (topic.score !== undefined) score.counters(topic.name, topic.score).grafted(now)
  }

  pruned(score: PeerScore, topic: Scored): void {
    const counters = score.topics?.get(topic.name)
    if (counters === undefined) return
    counters.pruned()
    this.#update(score)
  }

  /** P2, and P3. */
  deliveredFirst(score: PeerScore, topic: Scored): void {
    if (topic.score !== undefined) score.counters(topic.name, topic.score).deliveredFirst()
  }

  /** P3. */
  delivered(score: PeerScore, topic: Scored): void {
    score.topics?.get(topic.name)?.delivered()
  }

  /** P4. */
  invalid(score: PeerScore, topic: Scored): void {
    if (topic.score === undefined) return
    score.counters(topic.name, topic.score).invalid++
    this.#update(score)
  }

  /** It has promised a message, and is blamed if it does not come. */
  promised(score: PeerScore): void {
    if (this.#settings !== undefined) score.promises++
  }

  /** P7. */
  penalize(score: PeerScore, breaches: number): void {
    if (this.#settings === undefined) return
    score.behaviour += breaches
    this.#update(score)
  }

  /** It does not take what is sent to it: so much did not fit into its queue. */
  slow(score: PeerScore, dropped: number): void {
    if (this.#settings === undefined) return
    score.slow += dropped
    this.#update(score)
  }

  /** Time passes: counters decay, and what peers owed that left long ago is forgiven. */
  tick(now: number): void {
    if (this.#settings === undefined || now < this.#decaysAt) return
    this.#decaysAt = now + this.#settings.decayIntervalMs
    for (const score of this.#connected.values()) {
      score.decay(now, this.#settings)
      if (this.#settings.appScore !== undefined) score.app = this.#settings.appScore(score.id)
      this.#update(score)
    }
    // Scores of those that are gone do not decay: staying away must not pay more than behaving.
    for (const score of this.#retained.values()) {
      if (score.expires > now) return
      this.#forget(score)
    }
  }

  #forget(score: PeerScore): void {
    this.#retained.delete(score.id)
    this.#colocation.remove(score)
  }

  #update(score: PeerScore): void {
    if (this.#settings !== undefined) score.update(this.#settings, this.#colocation.surplus(score))
  }
}
