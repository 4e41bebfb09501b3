import { type Edge, Random, randomTopology } from '@peerloom/simnet'

/** One scenario for all tiers: 30 nodes, 25 ms from each other, of which some publish messages of a kilobyte. */
export const plan = {
  nodes: 30,
  latencyMs: 25,
  jitter: 0.1,
  /** For meshes to form. */
  warmMs: 5000,
  messages: 40,
  everyMs: 100,
  payloadBytes: 1000,
  coolMs: 3000,
  topic: 'tiers'
}

export const edges = (seed: number): Edge[] => randomTopology(plan.nodes, 4, new Random(seed))

/** Who publishes the message: all nodes in turn. */
export const publisherOf = (message: number): number => (message * 7) % plan.nodes

export interface TierResult {
  readonly deliveries: number
  readonly p50Ms: number
  readonly p95Ms: number
}

export function tierResult(latenciesMs: readonly number[]): TierResult {
  const sorted = latenciesMs.toSorted((one, two) => one - two)
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
  return { deliveries: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95) }
}
