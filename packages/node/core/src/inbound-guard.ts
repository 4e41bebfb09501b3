import type { Multiaddr } from '@multiformats/multiaddr'
import { kindOf } from './address-kind.ts'

/** The IP of an address; an IPv6 one by its /64, which is what one subscriber gets. */
function subscriberOf(address: Multiaddr): string | undefined {
  const part = address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')
  if (part?.value === undefined || kindOf(address).scope === 'loopback') return undefined
  return part.name === 'ip4' ? part.value : part.value.split(':').slice(0, 4).join(':')
}

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

  /** Counts a connection in; call what it returns, once, when the connection is gone. */
  enter(address: Multiaddr): () => void {
    const subscriber = subscriberOf(address)
    if (subscriber === undefined) return () => {}
    this.#counts.set(subscriber, (this.#counts.get(subscriber) ?? 0) + 1)
    return () => {
      const left = (this.#counts.get(subscriber) ?? 1) - 1
      if (left === 0) this.#counts.delete(subscriber)
      else this.#counts.set(subscriber, left)
    }
  }

  get size(): number {
    return this.#counts.size
  }
}
