import type { Channel } from '@peerloom/interface'

/** Takes the far end of a dialled pair. */
export type Accept = (channel: Channel, from: string) => void

/** An in-process address space: who listens under which name. */
export class MemoryNetwork {
  readonly #listeners = new Map<string, Accept>()
  #next = 1

  /** A name that nobody has. */
  freeName(): string {
    while (this.#listeners.has(String(this.#next))) this.#next++
    return String(this.#next++)
  }

  /** False when the name is taken. */
  listen(name: string, accept: Accept): boolean {
    if (this.#listeners.has(name)) return false
    this.#listeners.set(name, accept)
    return true
  }

  close(name: string): void {
    this.#listeners.delete(name)
  }

  find(name: string): Accept | undefined {
    return this.#listeners.get(name)
  }
}

/** The address space of nodes that are not given one of their own. */
export const defaultNetwork: MemoryNetwork = new MemoryNetwork()
