import type { PeerScore } from './peer-score.ts'

/** Who is on this machine is there by the will of its owner. */
const isLoopback = (ip: string): boolean => ip === '::1' || ip.startsWith('127.') || ip.startsWith('::ffff:127.')

/** Who comes from where (P6): many peers of one IP are taken for one peer with many names. */
export class Colocation {
  readonly #threshold: number
  readonly #isAllowed: (ip: string) => boolean
  readonly #peers = new Map<string, number>()
  /** IPs with more peers than the threshold: mostly there are none, and nothing to look up. */
  #crowded = 0

  constructor(threshold: number, isAllowed: (ip: string) => boolean = isLoopback) {
    this.#threshold = threshold
    this.#isAllowed = isAllowed
  }

  get size(): number {
    return this.#peers.size
  }

  add({ ips }: PeerScore): void {
    for (const ip of ips) {
      const count = (this.#peers.get(ip) ?? 0) + 1
      if (count === this.#threshold + 1) this.#crowded++
      this.#peers.set(ip, count)
    }
  }

  remove({ ips }: PeerScore): void {
    for (const ip of ips) {
      const left = (this.#peers.get(ip) ?? 0) - 1
      if (left === this.#threshold) this.#crowded--
      if (left > 0) this.#peers.set(ip, left)
      else this.#peers.delete(ip)
    }
  }

  /** The sum over its IPs of the square of the peers that each has too many. */
  surplus({ ips }: PeerScore): number {
    if (this.#crowded === 0) return 0
    let surplus = 0
    for (const ip of ips) {
      const over = (this.#peers.get(ip) ?? 0) - this.#threshold
      if (over > 0 && !this.#isAllowed(ip)) surplus += over ** 2
    }
    return surplus
  }
}
