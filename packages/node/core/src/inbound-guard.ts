import type { Multiaddr } from '@multiformats/multiaddr'
import { subscriberOf } from '@peerloom/addresses'

/** Counts inbound connections by the IP address they come from. */
export class InboundGuard {
  readonly #maxPerAddress: number
  readonly #counts = new Map<string, number>()

  constructor(maxPerAddress: number) {
    this.#maxPerAddress = maxPerAddress
  }

  accepts(address: Multiaddr): boolean {
    const subscriber = subscriberOf(address)
    return subscriber === undefined || (this.#counts.get(subscriber) ?? 0) < this.#maxPerAddress
  }

  /** Counts a connection in; call what it returns when the connection is gone. More than once does no harm. */
  enter(address: Multiaddr): () => void {
    const subscriber = subscriberOf(address)
    if (subscriber === undefined) return () => {}
    this.#counts.set(subscriber, (this.#counts.get(subscriber) ?? 0) + 1)
    let counted = true
    return () => {
      if (!counted) return
      counted = false
      const left = (this.#counts.get(subscriber) ?? 1) - 1
      if (left === 0) this.#counts.delete(subscriber)
      else this.#counts.set(subscriber, left)
    }
  }

  get size(): number {
    return this.#counts.size
  }
}
