const maxLists = 256
const maxCharacters = 4096

/**
 * Lists of protocols, one copy of each: peers of one kind speak the same. Bounded; a list that is not shared is only
 * larger, so when it is full it starts anew.
 */
export class SharedLists {
  readonly #lists = new Map<string, readonly string[]>()

  /** The list, frozen, or an equal one. */
  share(list: readonly string[]): readonly string[] {
    const key = list.join()
    if (key.length > maxCharacters) return Object.freeze(list)
    const known = this.#lists.get(key)
    // Names may hold anything, the comma as well.
    if (known !== undefined) return sameList(known, list) ? known : Object.freeze(list)
    if (this.#lists.size >= maxLists) this.#lists.clear()
    this.#lists.set(key, Object.freeze(list))
    return list
  }
}

export function sameList(one: readonly string[], two: readonly string[]): boolean {
  return one.length === two.length && one.every((name, at) => name === two[at])
}
