import type { Random } from '../engine/random.ts'

/** Where nodes are, and how far that is from elsewhere. */
export interface Regions {
  readonly names: readonly string[]
  /** How many nodes live in each, relative to the others. */
  readonly weights: readonly number[]
  /** One way, in ms: `latencyMs[from][to]`. */
  readonly latencyMs: readonly (readonly number[])[]
}

/** One place, all equally far from each other. */
export function oneRegion(latencyMs: number): Regions {
  return { names: ['one'], weights: [1], latencyMs: [[latencyMs]] }
}

/**
 * Eight regions of the world with the latencies and weights (where Ethereum's nodes are) of libp2p/test-plans,
 * `gossipsub-interop/network_graph.py`, so that runs compare with those made there.
 */
export const world: Regions = {
  names: ['australia', 'europe', 'east asia', 'west asia', 'na east', 'na west', 'south africa', 'south america'],
  weights: [290, 5599, 1059, 161, 2894, 1240, 47, 36],
  latencyMs: [
    [2, 165, 110, 180, 150, 110, 220, 190],
    [165, 2, 125, 60, 70, 110, 95, 140],
    [110, 125, 4, 110, 140, 100, 175, 175],
    [180, 60, 110, 5, 110, 150, 110, 145],
    [150, 70, 140, 110, 2, 60, 130, 100],
    [110, 110, 100, 150, 60, 2, 160, 100],
    [220, 95, 175, 110, 130, 160, 7, 195],
    [190, 140, 175, 145, 100, 100, 195, 7]
  ]
}

/** A region for each node, by weight. */
export function settle(regions: Regions, nodes: number, random: Random): Uint8Array {
  const total = regions.weights.reduce((sum, weight) => sum + weight, 0)
  return Uint8Array.from({ length: nodes }, () => {
    let left = random.float() * total
    const found = regions.weights.findIndex((weight) => (left -= weight) < 0)
    return found === -1 ? regions.weights.length - 1 : found
  })
}
