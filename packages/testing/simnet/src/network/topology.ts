import { PeerloomError } from '@peerloom/interface'
import type { Random } from '../engine/random.ts'

/** Who dials whom, once each. */
export type Edge = readonly [from: number, to: number]

/** Collects edges and leaves out loops and those that are there, in whichever direction. */
class EdgeSet {
  readonly edges: Edge[] = []
  readonly #known = new Set<number>()
  readonly #nodes: number

  constructor(nodes: number) {
    this.#nodes = nodes
  }

  add(from: number, to: number): boolean {
    if (from === to) return false
    const key = Math.min(from, to) * this.#nodes + Math.max(from, to)
    if (this.#known.has(key)) return false
    this.#known.add(key)
    this.edges.push([from, to])
    return true
  }
}

/** Every node dials `dials` others, chosen at random: on average twice as many connections. */
export function randomTopology(nodes: number, dials: number, random: Random): Edge[] {
  const set = new EdgeSet(nodes)
  for (let from = 0; from < nodes; from++) {
    for (const chosen of random.sample(Math.min(dials, nodes - 1), nodes - 1)) {
      set.add(from, chosen < from ? chosen : chosen + 1)
    }
  }
  return set.edges
}

/**
 * Barabási and Albert: nodes come one by one and dial `dials` of those there, the more connected the likelier. Few have very
 * many connections, as in networks that grew.
 */
export function growingTopology(nodes: number, dials: number, random: Random): Edge[] {
  const set = new EdgeSet(nodes)
  const first = Math.min(dials + 1, nodes)
  // Every end of every edge once: a draw from it favours nodes by their degree.
  const ends: number[] = []
  const link = (from: number, to: number): boolean => {
    if (!set.add(from, to)) return false
    ends.push(from, to)
    return true
  }
  for (let from = 1; from < first; from++) for (let to = 0; to < from; to++) link(from, to)
  for (let from = first; from < nodes; from++) {
    const known = ends.length
    for (let linked = 0; linked < dials;) if (link(from, ends[random.below(known)] as number)) linked++
  }
  return set.edges
}

/** Everyone with everyone. */
export function fullTopology(nodes: number): Edge[] {
  const edges: Edge[] = []
  for (let from = 1; from < nodes; from++) for (let to = 0; to < from; to++) edges.push([from, to])
  return edges
}

/** Edges of your own, checked: nodes exist, and nobody is connected to itself or twice. */
export function givenTopology(nodes: number, edges: Iterable<Edge>): Edge[] {
  const set = new EdgeSet(nodes)
  for (const [from, to] of edges) {
    const known = Number.isInteger(from) && Number.isInteger(to) && from >= 0 && to >= 0 && from < nodes && to < nodes
    if (!known || !set.add(from, to)) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', `no edge from ${from} to ${to} in a network of ${nodes} nodes`)
    }
  }
  return set.edges
}
