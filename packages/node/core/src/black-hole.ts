import type { Multiaddr } from '@multiformats/multiaddr'
import { kindOf } from '@peerloom/addresses'

/** Dials that are remembered, successes among them that show the path works, and every how many a probe is let through. */
const windowSize = 100
const minSuccesses = 5
const probeEvery = 10

class Path {
  readonly #results: boolean[] = []
  #successes = 0
  #refused = 0

  record(success: boolean): void {
    if (this.#results.length === windowSize && this.#results.shift() === true) this.#successes--
    this.#results.push(success)
    if (success) this.#successes++
  }

  allow(): boolean {
    if (this.#results.length < windowSize || this.#successes >= minSuccesses) return true
    return ++this.#refused % probeEvery === 0
  }
}

/** Notices that this host cannot get out by UDP or by IPv6 at all, and stops wasting dials on it. */
export class BlackHoleDetector {
  readonly #udp = new Path()
  readonly #ip6 = new Path()

  /** False for addresses whose path is dead; every tenth is allowed, to find out when that changes. */
  allow(address: Multiaddr): boolean {
    return this.#paths(address).every((path) => path.allow())
  }

  record(address: Multiaddr, success: boolean): void {
    for (const path of this.#paths(address)) path.record(success)
  }

  #paths(address: Multiaddr): Path[] {
    const { scope, ip, transport, relayed } = kindOf(address)
    if (scope !== 'public' || relayed) return []
    const udp = transport === 'quic' || transport === 'webtransport' || transport === 'webrtc'
    return [...(udp ? [this.#udp] : []), ...(ip === 6 ? [this.#ip6] : [])]
  }
}
