import { Link } from './link.ts'

/**
 * The links that are up, by node and by number. Both ends of a connection have numbers next to each other, so that what is
 * kept of them by number shares a line of cache. Numbers are not used again: what is on its way to a link that is gone finds
 * nothing under its number.
 */
export class Links {
  readonly #all: (Link | undefined)[] = []
  readonly #of: readonly Map<number, Link>[]
  #up = 0

  constructor(nodes: number) {
    this.#of = Array.from({ length: nodes }, () => new Map<number, Link>())
  }

  /** How many are up: two of a connection. */
  get size(): number {
    return this.#up
  }

  get(index: number): Link | undefined {
    return this.#all[index]
  }

  /** By the node at the other end. */
  of(node: number): ReadonlyMap<number, Link> {
    return this.#of[node] as Map<number, Link>
  }

  has(one: number, other: number): boolean {
    return this.of(one).has(other)
  }

  /** The two ends of a new connection, that of the node which dialled first. */
  open(from: number, to: number): readonly [near: Link, far: Link] {
    const index = this.#all.length
    const near = new Link(index, from, to, true)
    const far = new Link(index + 1, to, from, false)
    near.twin = far
    far.twin = near
    this.#all.push(near, far)
    this.#of[from]?.set(to, near)
    this.#of[to]?.set(from, far)
    this.#up += 2
    return [near, far]
  }

  /** Takes one end down. False: it was down. */
  close(link: Link): boolean {
    if (!link.isUp) return false
    link.isUp = false
    this.#up--
    this.#all[link.index] = undefined
    this.#of[link.node]?.delete(link.remote)
    return true
  }
}
