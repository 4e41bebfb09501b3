import { type Edge, Random, randomTopology } from '@peerloom/simnet'

/** One scenario for all tiers: 30 nodes, 50 ms from each other, that publish messages of a kilobyte in turn. */
export const plan = {
  nodes: 30,
  /** Far above what a processor takes for a message at a node, which only real ones need. */
  latencyMs: 50,
  jitter: 0.1,
  /** For meshes to form. */
  warmMs: 5000,
  /** Messages that do not count: real nodes are slow at what they do for the first time. */
  unmeasured: 20,
  measured: 40,
  /** No message meets another one on its way. */
  everyMs: 300,
  payloadBytes: 1000,
  coolMs: 3000,
  topic: 'tiers'
}

/** How far the tiers may be apart: their meshes are drawn from different numbers. */
export const margin = 0.1

export const messages = plan.unmeasured + plan.measured

export const edges = (seed: number): Edge[] => randomTopology(plan.nodes, 4, new Random(seed))

/** Who publishes the message: all nodes in turn. */
export const publisherOf = (message: number): number => (message * 7) % plan.nodes

export interface TierResult {
  readonly deliveries: number
  readonly p50Ms: number
  readonly p95Ms: number
}

/** Takes note of deliveries that count. */
export class Latencies {
  readonly #all: number[] = []

  add(message: number, latencyMs: number): void {
    if (message >= plan.unmeasured) this.#all.push(latencyMs)
  }

  result(): TierResult {
    const sorted = this.#all.toSorted((one, two) => one - two)
    const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
    return { deliveries: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95) }
  }
}

/** By how much a tier is off another one, as a share: the worse of median and p95. */
export const apart = (one: TierResult, other: TierResult): number =>
  Math.max(Math.abs(one.p50Ms / other.p50Ms - 1), Math.abs(one.p95Ms / other.p95Ms - 1))
