/** Objects that events name by number; numbers are used again. */
export class Slots<T> {
  readonly #items: (T | undefined)[] = []
  readonly #free: number[] = []

  get length(): number {
    return this.#items.length - this.#free.length
  }

  add(item: T): number {
    const at = this.#free.pop() ?? this.#items.length
    this.#items[at] = item
    return at
  }

  get(at: number): T | undefined {
    return this.#items[at]
  }

  take(at: number): T | undefined {
    const item = this.#items[at]
    if (item === undefined) return undefined
    this.#items[at] = undefined
    this.#free.push(at)
    return item
  }
}
