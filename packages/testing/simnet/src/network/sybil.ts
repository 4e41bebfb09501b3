import { OutboundQueue, type Rpc } from '@peerloom/pubsub'
import type { Link } from './link.ts'
import type { SimMessage } from './message.ts'
import { control, type Network } from './network.ts'
import type { Resident } from './resident.ts'

export interface SybilOptions {
  /** The share of messages that an attacking sybil drops. */
  readonly degrade: number
  /** The one node whose messages it drops. */
  readonly censors?: number | undefined
  /** When it stops behaving, in ms of virtual time. Default 0. */
  readonly attacksAtMs?: number
  /** It asks to be in the mesh again so long after it was pruned, in ms ... */
  readonly regraftAfterMs?: number
  /** ... and a random time up to this, in ms. */
  readonly regraftWithinMs?: number
  readonly ips?: readonly string[]
}

const queueLimits = { maxBytes: 1024 * 1024, maxItems: 32 }
const defaults = { attacksAtMs: 0, regraftAfterMs: 60_000, regraftWithinMs: 15_000 }

/**
 * The attacker of the GossipSub 1.1 evaluation (libp2p/gossipsub-hardening, `test/badboy.go`): wants to be in every mesh,
 * grafts itself whenever it may, forwards what it does not mean to drop, and takes no part in gossip.
 */
export class Sybil implements Resident {
  readonly protocol = '/meshsub/1.0.0'
  readonly beatMs = 0
  readonly ips: readonly string[]
  readonly #network: Network
  readonly #node: number
  readonly #options: Required<Omit<SybilOptions, 'ips' | 'censors'>> & { readonly censors?: number | undefined }
  readonly #mesh = new Set<Link>()
  readonly #links = new Map<number, Link>()
  #topics: readonly string[] = []
  /** A bit for each message that was seen. */
  #seen = new Uint8Array(64)

  constructor(network: Network, node: number, options: SybilOptions) {
    this.#network = network
    this.#node = node
    this.#options = { ...defaults, ...options }
    this.ips = options.ips ?? []
  }

  linked(link: Link): void {
    link.queue = new OutboundQueue<SimMessage>(queueLimits)
    this.#links.set(link.remote, link)
  }

  unlinked(link: Link): void {
    this.#mesh.delete(link)
    this.#links.delete(link.remote)
  }

  receive(link: Link, rpc: Rpc<SimMessage>): void {
    if (rpc.publish !== undefined) for (const message of rpc.publish) this.#forward(link, message)
    if (rpc.subscriptions !== undefined) this.#join(link, rpc)
    const { graft, prune } = rpc.control ?? {}
    if (prune !== undefined) this.#pruned(link)
    if (graft !== undefined) this.#mesh.add(link)
  }

  /** Tries to get into the mesh of the peer again. */
  timer(remote: number): void {
    const link = this.#links.get(remote)
    if (link === undefined) return
    this.#send(link, { control: { graft: this.#topics } })
    this.#mesh.add(link)
  }

  beat(): void {}

  publish(): void {}

  #join(link: Link, { subscriptions = [] }: Rpc<SimMessage>): void {
    const topics = subscriptions.filter(({ subscribe }) => subscribe).map(({ topic }) => topic)
    if (topics.length === 0) return
    this.#topics = topics
    this.#send(link, { subscriptions: topics.map((topic) => ({ topic, subscribe: true })), control: { graft: topics } })
    this.#mesh.add(link)
  }

  #pruned(link: Link): void {
    this.#mesh.delete(link)
    const { regraftAfterMs, regraftWithinMs } = this.#options
    this.#network.timer(this.#node, regraftAfterMs + this.#network.random.float() * regraftWithinMs, link.remote)
  }

  #forward(from: Link, message: SimMessage): void {
    const { degrade, censors, attacksAtMs } = this.#options
    const attacks = this.#network.nowMs >= attacksAtMs
    if (attacks && degrade >= 1) return
    if (this.#isKnown(message.index)) return
    if (attacks && (message.publisher === censors || (degrade > 0 && this.#network.random.float() < degrade))) return
    for (const link of this.#mesh) {
      if (link === from || link.remote === message.publisher) continue
      link.queue?.push({ message, bytes: message.bytes }, 'forward')
      this.#network.wake(link)
    }
  }

  #isKnown(index: number): boolean {
    const at = index >>> 3
    if (at >= this.#seen.length) {
      const more = new Uint8Array(Math.max(at + 1, this.#seen.length * 2))
      more.set(this.#seen)
      this.#seen = more
    }
    const bit = 1 << (index & 7)
    const isKnown = ((this.#seen[at] as number) & bit) !== 0
    this.#seen[at] = (this.#seen[at] as number) | bit
    return isKnown
  }

  #send(link: Link, rpc: Rpc<never>): void {
    link.queue?.push(control(rpc), 'control')
    this.#network.wake(link)
  }
}
