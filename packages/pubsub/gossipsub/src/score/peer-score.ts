import type { ScoreSettings, TopicScoreSettings } from './score-options.ts'

/** What counts for a peer in one topic. */
export class TopicCounters {
  readonly settings: TopicScoreSettings
  isInMesh = false
  graftedAt = 0
  meshMs = 0
  /** It has been in the mesh for long enough that deliveries are expected. */
  isActive = false
  firstDeliveries = 0
  meshDeliveries = 0
  meshFailure = 0
  invalid = 0

  constructor(settings: TopicScoreSettings) {
    this.settings = settings
  }

  get value(): number {
    const { settings } = this
    let value = this.firstDeliveries * settings.firstDeliveriesWeight
    if (this.isInMesh) {
      const quanta = Math.floor(this.meshMs / settings.timeInMeshQuantumMs)
      value += Math.min(quanta, settings.timeInMeshCap) * settings.timeInMeshWeight
    }
    value += this.#deficit ** 2 * settings.meshDeliveriesWeight
    value += this.meshFailure * settings.meshFailureWeight
    value += this.invalid ** 2 * settings.invalidWeight
    return value * settings.topicWeight
  }

  get #deficit(): number {
    return this.isActive ? Math.max(0, this.settings.meshDeliveriesThreshold - this.meshDeliveries) : 0
  }

  /** It does not change the score, now or later. */
  get isZero(): boolean {
    return (
      !this.isInMesh &&
      this.firstDeliveries === 0 &&
      this.meshDeliveries === 0 &&
      this.meshFailure === 0 &&
      this.invalid === 0
    )
  }

  get hasPenalty(): boolean {
    return this.meshFailure > 0 || this.invalid > 0
  }

  grafted(now: number): void {
    this.isInMesh = true
    this.graftedAt = now
    this.meshMs = 0
    this.isActive = false
  }

  /** What it owed to the mesh sticks (P3b): else it could be grafted anew with a clean sheet. */
  pruned(): void {
    if (!this.isInMesh) return
    this.meshFailure += this.#deficit ** 2
    this.isInMesh = false
    this.isActive = false
  }

  deliveredFirst(): void {
    this.firstDeliveries = Math.min(this.firstDeliveries + 1, this.settings.firstDeliveriesCap)
    this.delivered()
  }

  delivered(): void {
    if (this.isInMesh) this.meshDeliveries = Math.min(this.meshDeliveries + 1, this.settings.meshDeliveriesCap)
  }

  decay(now: number, toZero: number): void {
    const { settings } = this
    this.firstDeliveries = decayed(this.firstDeliveries, settings.firstDeliveriesDecay, toZero)
    this.meshDeliveries = decayed(this.meshDeliveries, settings.meshDeliveriesDecay, toZero)
    this.meshFailure = decayed(this.meshFailure, settings.meshFailureDecay, toZero)
    this.invalid = decayed(this.invalid, settings.invalidDecay, toZero)
    if (!this.isInMesh) return
    this.meshMs = now - this.graftedAt
    this.isActive ||= this.meshMs > settings.meshDeliveriesActivationMs
  }
}

/** What counts for a peer, and what that makes (gossipsub 1.1, "The Score Function"). */
export class PeerScore {
  readonly id: string
  readonly ips: readonly string[]
  /** Made with the first counter: most peers of most topics never have one. */
  topics: Map<string, TopicCounters> | undefined
  /** P7. */
  behaviour = 0
  /** What was sent to it and did not fit into its queue. */
  slow = 0
  /** Promises of it that may still be broken. */
  promises = 0
  isConnected = true
  expires = 0
  /** As of the last decay or punishment, whichever came later: a read costs nothing, and a reward may wait. */
  value = 0
  app = 0

  constructor(id: string, ips: readonly string[]) {
    this.id = id
    this.ips = ips
  }

  counters(topic: string, settings: TopicScoreSettings): TopicCounters {
    this.topics ??= new Map()
    let counters = this.topics.get(topic)
    if (counters === undefined) this.topics.set(topic, (counters = new TopicCounters(settings)))
    return counters
  }

  /** A peer that leaves takes what it has earned with it, and leaves behind what it owes. */
  get owes(): boolean {
    if (this.value < 0 || this.behaviour > 0 || this.promises > 0) return true
    for (const counters of this.topics?.values() ?? []) if (counters.hasPenalty) return true
    return false
  }

  update(settings: ScoreSettings, colocation: number): void {
    let value = 0
    if (this.topics !== undefined) for (const counters of this.topics.values()) value += counters.value
    if (settings.topicScoreCap > 0 && value > settings.topicScoreCap) value = settings.topicScoreCap
    value += this.app * settings.appWeight + colocation * settings.colocationWeight
    const breaches = Math.max(0, this.behaviour - settings.behaviourThreshold)
    value += breaches ** 2 * settings.behaviourWeight
    this.value = value + Math.max(0, this.slow - settings.slowThreshold) * settings.slowWeight
  }

  decay(now: number, settings: ScoreSettings): void {
    this.behaviour = decayed(this.behaviour, settings.behaviourDecay, settings.decayToZero)
    this.slow = decayed(this.slow, settings.slowDecay, settings.decayToZero)
    if (this.topics === undefined) return
    for (const [topic, counters] of this.topics) {
      counters.decay(now, settings.decayToZero)
      if (counters.isZero) this.topics.delete(topic)
    }
  }
}

const decayed = (value: number, factor: number, toZero: number): number => {
  if (value === 0) return 0
  const next = value * factor
  return next < toZero ? 0 : next
}
