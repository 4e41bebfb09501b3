import type { Random } from './sample.ts'

/** A set that random members are drawn from without looking at all of them. */
export class Crowd<T> {
  readonly #members = new Set<T>()
  // The same in an order that does not matter, so drawing may change it.
  readonly #list: T[] = []

  get size(): number {
    return this.#list.length
  }

  has(member: T): boolean {
    return this.#members.has(member)
  }

  /** False: it was in already. */
  add(member: T): boolean {
    if (this.#members.has(member)) return false
    this.#members.add(member)
    this.#list.push(member)
    return true
  }

  delete(member: T): boolean {
    if (!this.#members.delete(member)) return false
    const at = this.#list.indexOf(member)
    const last = this.#list.pop() as T
    if (last !== member) this.#list[at] = last
    return true
  }

  /** Offers members in random order until `count` are taken. Nobody may join or leave meanwhile. */
  draw(count: number, random: Random, take: (member: T) => boolean): void {
    const list = this.#list
    for (let at = 0, taken = 0; at < list.length && taken < count; at++) {
      const from = at + Math.floor(random() * (list.length - at))
      const member = list[from] as T
      list[from] = list[at] as T
      list[at] = member
      if (take(member)) taken++
    }
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#members.values()
  }
}
