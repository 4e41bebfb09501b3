import { PeerloomError } from '@peerloom/interface'

/** Weights, caps and decays of one topic (gossipsub 1.1, "Peer Scoring"). A part with the weight 0 does not count. */
export interface TopicScoreOptions {
  /** What the topic counts in a peer's score. Default 1. */
  readonly topicWeight?: number

  /** P1, time in the mesh: weight, 0 or more. Default 0.01. */
  readonly timeInMeshWeight?: number
  /** P1: the time that counts as one. Default 1,000. */
  readonly timeInMeshQuantumMs?: number
  /** P1: the most that it counts. Default 300. */
  readonly timeInMeshCap?: number

  /** P2, messages delivered first: weight, 0 or more. Default 1. */
  readonly firstDeliveriesWeight?: number
  readonly firstDeliveriesDecay?: number
  /** P2: the most that are counted. Default 20. */
  readonly firstDeliveriesCap?: number

  /** P3, fewer deliveries in the mesh than expected: weight of the square, 0 or less. Default 0: rates differ too much. */
  readonly meshDeliveriesWeight?: number
  readonly meshDeliveriesDecay?: number
  /** P3: the most that are counted. Default 100. */
  readonly meshDeliveriesCap?: number
  /** P3: what is expected. Default 20. */
  readonly meshDeliveriesThreshold?: number
  /** P3: copies count for so long after the message was accepted. Default 10. */
  readonly meshDeliveriesWindowMs?: number
  /** P3: time in the mesh before it counts. Default 60,000. */
  readonly meshDeliveriesActivationMs?: number

  /** P3b, the deficit when it was pruned: weight, 0 or less. Default 0. */
  readonly meshFailureWeight?: number
  readonly meshFailureDecay?: number

  /** P4, messages that were rejected: weight of the square, 0 or less. Default -10. */
  readonly invalidWeight?: number
  readonly invalidDecay?: number
}

export type TopicScoreSettings = Required<TopicScoreOptions>

/** Below which score (or above which) a peer gets and loses what. */
export interface ScoreThresholds {
  /** Below it, no gossip to and from the peer. Default -10. */
  readonly gossip: number
  /** Below it, no messages of our own to the peer outside of the mesh. Default -50. */
  readonly publish: number
  /** Below it, nothing that the peer says is listened to. Default -80. */
  readonly graylist: number
  /** From it on, peers that the peer recommends are connected to. Default 10. */
  readonly acceptExchange: number
  /** A mesh whose median is below it takes in better peers. Default 1. */
  readonly opportunisticGraft: number
}

export interface ScoreOptions {
  /** Parameters of topics that differ from `defaultTopic`. */
  readonly topics?: Readonly<Record<string, TopicScoreOptions>>
  /** Parameters of all other topics; false: they are not scored. */
  readonly defaultTopic?: TopicScoreOptions | false
  /** The most that all topics together count for a peer; 0: no cap. Default 30. */
  readonly topicScoreCap?: number

  /** P5: what the application thinks of a peer, asked at every decay. Default: nothing. */
  readonly appScore?: (peerId: string) => number
  /** P5: weight. Default 1. */
  readonly appWeight?: number

  /** P6, peers of one IP: weight of the square of those over the threshold, 0 or less. Default -5. */
  readonly colocationWeight?: number
  /** P6: peers that one IP may have. Default 10. */
  readonly colocationThreshold?: number
  /** P6: IPs that may have any number. Default: those of this machine itself, 127.0.0.0/8 and ::1. */
  readonly colocationAllowed?: (ip: string) => boolean

  /** P7, breaches of the protocol: weight of the square of those over the threshold, 0 or less. Default -10. */
  readonly behaviourWeight?: number
  /** P7: breaches that do not count. Default 0. */
  readonly behaviourThreshold?: number
  /** P7. Default: decays within a minute. */
  readonly behaviourDecay?: number

  /**
   * Messages and control messages that were dropped because the peer does not read as fast as others: weight of those over the
   * threshold, 0 or less. Not part of the specification; rust-libp2p has the same. Default -0.2.
   */
  readonly slowWeight?: number
  /** What may be dropped for a peer without a word. Default 0. */
  readonly slowThreshold?: number
  /** Default 0.2: what counts is the last second or two. */
  readonly slowDecay?: number

  readonly thresholds?: Partial<ScoreThresholds>
  /** Time between decays. Default 1,000. */
  readonly decayIntervalMs?: number
  /** What has decayed below this is 0. Default 0.01. */
  readonly decayToZero?: number
  /** How long the bad score of a peer that left is kept. Default 3,600,000. */
  readonly retainMs?: number
  /** The most scores that are kept so. Default 10,000. */
  readonly maxRetained?: number
}

/** The factor by which a counter decays to (nearly) zero in the given time. */
export function decayIn(ms: number, intervalMs = 1000, toZero = 0.01): number {
  return toZero ** (1 / Math.max(1, ms / intervalMs))
}

const minute = 60_000

const defaultTopic: TopicScoreSettings = {
  topicWeight: 1,
  timeInMeshWeight: 0.01,
  timeInMeshQuantumMs: 1000,
  timeInMeshCap: 300,
  firstDeliveriesWeight: 1,
  firstDeliveriesDecay: decayIn(10 * minute),
  firstDeliveriesCap: 20,
  meshDeliveriesWeight: 0,
  meshDeliveriesDecay: decayIn(10 * minute),
  meshDeliveriesCap: 100,
  meshDeliveriesThreshold: 20,
  meshDeliveriesWindowMs: 10,
  meshDeliveriesActivationMs: minute,
  meshFailureWeight: 0,
  meshFailureDecay: decayIn(10 * minute),
  invalidWeight: -10,
  invalidDecay: decayIn(60 * minute)
}

const defaultThresholds: ScoreThresholds = {
  gossip: -10,
  publish: -50,
  graylist: -80,
  acceptExchange: 10,
  opportunisticGraft: 1
}

export interface ScoreSettings extends Required<
  Omit<ScoreOptions, 'topics' | 'defaultTopic' | 'appScore' | 'colocationAllowed' | 'thresholds'>
> {
  readonly appScore: ((peerId: string) => number) | undefined
  readonly colocationAllowed: ((ip: string) => boolean) | undefined
  readonly thresholds: ScoreThresholds
  topic(name: string): TopicScoreSettings | undefined
}

/** Fills in defaults. Throws `ERR_INVALID_ARGUMENT` for signs and decays that would turn a punishment into a reward. */
export function scoreSettingsOf(options: ScoreOptions): ScoreSettings {
  const base = options.defaultTopic === false ? undefined : topicOf(options.defaultTopic, 'defaultTopic')
  const topics = new Map(Object.entries(options.topics ?? {}).map(([name, topic]) => [name, topicOf(topic, name)]))
  const thresholds = { ...defaultThresholds, ...options.thresholds }
  const settings: ScoreSettings = {
    topicScoreCap: 30,
    appWeight: 1,
    colocationWeight: -5,
    colocationThreshold: 10,
    behaviourWeight: -10,
    behaviourThreshold: 0,
    behaviourDecay: decayIn(minute),
    slowWeight: -0.2,
    slowThreshold: 0,
    slowDecay: 0.2,
    decayIntervalMs: 1000,
    decayToZero: 0.01,
    retainMs: 3_600_000,
    maxRetained: 10_000,
    ...options,
    appScore: options.appScore,
    colocationAllowed: options.colocationAllowed,
    thresholds,
    topic: (name) => topics.get(name) ?? base
  }
  const { gossip, publish, graylist, acceptExchange, opportunisticGraft } = thresholds
  check(graylist <= publish && publish <= gossip && gossip <= 0, 'thresholds', 'not graylist <= publish <= gossip <= 0')
  check(acceptExchange >= 0 && opportunisticGraft >= 0, 'thresholds', 'acceptExchange or opportunisticGraft below 0')
  check(settings.colocationWeight <= 0, 'colocationWeight', 'above 0')
  check(settings.behaviourWeight <= 0, 'behaviourWeight', 'above 0')
  check(isDecay(settings.behaviourDecay), 'behaviourDecay', 'not between 0 and 1')
  check(settings.slowWeight <= 0, 'slowWeight', 'above 0')
  check(isDecay(settings.slowDecay), 'slowDecay', 'not between 0 and 1')
  check(isDecay(settings.decayToZero), 'decayToZero', 'not between 0 and 1')
  check(settings.decayIntervalMs >= 1, 'decayIntervalMs', 'below 1')
  check(settings.topicScoreCap >= 0, 'topicScoreCap', 'below 0')
  return settings
}

function topicOf(options: TopicScoreOptions | undefined, name: string): TopicScoreSettings {
  const topic = { ...defaultTopic, ...options }
  check(topic.topicWeight >= 0, name, 'topicWeight is below 0')
  check(topic.timeInMeshWeight >= 0 && topic.firstDeliveriesWeight >= 0, name, 'weight of P1 or P2 is below 0')
  check(topic.meshDeliveriesWeight <= 0 && topic.meshFailureWeight <= 0, name, 'weight of P3 or P3b is above 0')
  check(topic.invalidWeight <= 0, name, 'weight of P4 is above 0')
  check(topic.timeInMeshQuantumMs > 0, name, 'timeInMeshQuantumMs is not above 0')
  check(topic.meshDeliveriesCap >= topic.meshDeliveriesThreshold, name, 'meshDeliveriesCap is below its threshold')
  const decays = ['firstDeliveriesDecay', 'meshDeliveriesDecay', 'meshFailureDecay', 'invalidDecay'] as const
  for (const decay of decays) check(isDecay(topic[decay]), name, `${decay} is not between 0 and 1`)
  return topic
}

const isDecay = (value: number): boolean => value > 0 && value < 1

function check(holds: boolean, name: string, fault: string): void {
  if (!holds) throw new PeerloomError('ERR_INVALID_ARGUMENT', `gossipsub score, ${name}: ${fault}`)
}
