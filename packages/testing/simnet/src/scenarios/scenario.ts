import type { GossipsubRouterOptions, ScoreOptions } from '@peerloom/gossipsub'

/** Options of the router that are plain data, so that a scenario can be written down. */
export type PlainRouterOptions = Omit<
  GossipsubRouterOptions,
  'directPeers' | 'allowTopic' | 'score' | 'partialMessages' | 'onTestExtension'
> & { readonly score?: Omit<ScoreOptions, 'appScore' | 'colocationAllowed'> | false }

export interface SybilPlan {
  readonly count: number
  /** Connections that each of them makes. */
  readonly dials: number
  /** Who they connect to: any honest nodes, publishers, or the first publisher alone. */
  readonly target: 'anyone' | 'publishers' | 'first publisher'
  readonly connectAtMs: number
  /** Sybils that share an IP. */
  readonly perIp: number
  /** The share of messages that they drop. */
  readonly degrade: number
  /** They drop what the first publisher sends. */
  readonly censorsFirstPublisher?: boolean
  /** They behave until then. Default: they never do. */
  readonly attackAtMs?: number
}

export interface LoadPlan {
  /** Nodes that publish. */
  readonly publishers: number
  /** Messages a second, of all of them. */
  readonly perSecond: number
  readonly payloadBytes: number
  readonly forMs: number
}

export interface ChurnPlan {
  /** Nodes that leave in a second, once the load has begun. Publishers stay. */
  readonly perSecond: number
  /** They come back after so long, with nothing of what they knew. */
  readonly awayMs: number
}

/** What is simulated. Plain data: with a seed it names a run. */
export interface Scenario {
  readonly name: string
  /** In a sentence. */
  readonly about: string
  /** Honest nodes. */
  readonly nodes: number
  readonly topology: 'random' | 'growing' | 'full'
  /** Connections that each node makes; on average it has twice as many. */
  readonly dials: number
  /** One latency between all nodes, one way in ms, or the regions of the world. */
  readonly latency: number | 'world'
  /** Uplinks without a limit, or a fifth of the nodes with 1,024 Mbit/s and the others with 50. */
  readonly bandwidth: 'unlimited' | 'home'
  readonly loss?: number
  readonly validationMs?: number
  /** When honest nodes connect to each other, in ms; jitter of 10 %. Default 0. */
  readonly connectAtMs?: number
  /** The time before the first message. */
  readonly warmMs: number
  readonly load: LoadPlan
  /** The time after the last message. */
  readonly coolMs: number
  readonly router: PlainRouterOptions
  readonly sybils?: SybilPlan
  readonly churn?: ChurnPlan
}
