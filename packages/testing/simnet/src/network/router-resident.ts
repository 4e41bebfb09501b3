import type {
  PeerExchange,
  Recommended,
  Router,
  RouterHost,
  RouterPeer,
  RouterTrace,
  Rpc,
  Verdict
} from '@peerloom/pubsub'
import type { Link } from './link.ts'
import { nodeOfPeerId, type SimMessage } from './message.ts'
import type { Network } from './network.ts'
import type { Resident } from './resident.ts'
import { Slots } from './slots.ts'

/** Makes the router that lives in a node. */
export type MakeRouter = (host: RouterHost<SimMessage, Link>, node: number) => Router<SimMessage, Link>

export interface RouterResidentOptions {
  readonly makeRouter: MakeRouter
  /** Called with what is delivered. */
  readonly deliver?: (message: SimMessage, node: number) => void
  readonly trace?: RouterTrace<SimMessage, Link>
  readonly ips?: readonly string[]
  /** What connects with the node when a router recommends a peer or misses one. Default true. */
  readonly followsRecommendations?: boolean
}

/** What signed records are by length, with an Ed25519 key and two addresses. Nobody reads it. */
const record = new Uint8Array(220)

interface Validation {
  readonly done: (verdict: Verdict) => void
  readonly verdict: Verdict
}

/** A pubsub router, the one of production, as it lives in a node of the network: its host. */
export class RouterResident implements Resident, RouterHost<SimMessage, Link> {
  readonly router: Router<SimMessage, Link>
  readonly node: number
  readonly ips: readonly string[]
  readonly trace: RouterTrace<SimMessage, Link>
  readonly #network: Network
  readonly #options: RouterResidentOptions
  readonly #validating = new Slots<Validation>()

  constructor(network: Network, node: number, options: RouterResidentOptions) {
    this.#network = network
    this.#options = options
    this.node = node
    this.ips = options.ips ?? [simIp(node)]
    this.trace = options.trace ?? {}
    this.router = options.makeRouter(this, node)
  }

  get protocol(): string {
    return this.router.protocols[0] as string
  }

  get beatMs(): number {
    return this.router.heartbeatMs
  }

  // The network's side.

  beat(): void {
    this.router.heartbeat()
  }

  linked(link: Link): void {
    const remote = this.#network.resident(link.remote) as Resident
    const peer = this.router.addPeer({
      id: this.#network.peerIds[link.remote] as string,
      handle: link,
      protocol: remote.protocol,
      outbound: link.outbound,
      ips: remote.ips
    })
    link.peer = peer
    link.queue = peer.queue
  }

  unlinked(link: Link): void {
    if (link.peer !== undefined) this.router.removePeer(link.peer)
  }

  receive(link: Link, rpc: Rpc<SimMessage>): void {
    this.router.receive(link.peer as RouterPeer<SimMessage, Link>, rpc)
  }

  publish(message: SimMessage): void {
    this.router.publish(message)
  }

  timer(ref: number): void {
    const validation = this.#validating.take(ref)
    validation?.done(validation.verdict)
  }

  // The router's side.

  now(): number {
    return this.#network.nowUs / 1000
  }

  random(): number {
    return this.#network.random.float()
  }

  wake(peer: RouterPeer<SimMessage, Link>): void {
    this.#network.wake(peer.handle)
  }

  validate(message: SimMessage, _from: RouterPeer<SimMessage, Link>, done: (verdict: Verdict) => void): void {
    const verdict = message.valid ? 'accept' : 'reject'
    const { validationMs } = this.#network.options
    if (validationMs === 0) done(verdict)
    else this.#network.timer(this.node, validationMs, this.#validating.add({ done, verdict }))
  }

  deliver(message: SimMessage): void {
    this.#options.deliver?.(message, this.node)
  }

  connect(peers: readonly (Recommended | string)[]): void {
    if (this.#options.followsRecommendations === false) return
    for (const peer of peers) {
      const node = nodeOfPeerId(typeof peer === 'string' ? peer : peer.peerId)
      if (node !== undefined && node < this.#network.options.nodes) this.#network.connect(this.node, node)
    }
  }

  exchange(peer: RouterPeer<SimMessage, Link>): PeerExchange {
    return { peerId: Uint8Array.from(peer.id, (unit) => unit.charCodeAt(0)), signedPeerRecord: record }
  }

  drop(peer: RouterPeer<SimMessage, Link>): void {
    this.#network.disconnectSoon(peer.handle)
  }
}

/** An address of its own for each node, in 10.0.0.0/8. */
export const simIp = (node: number): string => `10.${(node >>> 16) & 255}.${(node >>> 8) & 255}.${node & 255}`
