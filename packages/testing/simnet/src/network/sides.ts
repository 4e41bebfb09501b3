/** A split of the network, while there is one. */
export class Sides {
  #of: Uint8Array | undefined

  split(nodes: number, sideOf: (node: number) => number): void {
    this.#of = Uint8Array.from({ length: nodes }, (_, node) => sideOf(node))
  }

  heal(): void {
    this.#of = undefined
  }

  separate(one: number, other: number): boolean {
    return this.#of !== undefined && this.#of[one] !== this.#of[other]
  }
}
