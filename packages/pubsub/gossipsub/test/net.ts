// A few routers in memory under virtual time: what one queues for another arrives when the net is pumped.
import { type GossipsubRouter, gossipsubRouter, type GossipsubRouterOptions, type PeerState } from '@peerloom/gossipsub'
import type { Message, PeerExchange, Recommended, RouterHost, RouterTrace, Rpc, Verdict } from '@peerloom/pubsub'

/** A message of tests: how it is judged is written on it. */
export interface TestMessage extends Message {
  readonly forged?: boolean
  readonly verdict?: Verdict
}

export type TestPeer = PeerState<TestMessage, Link>
export type TestRouter = GossipsubRouter<TestMessage, Link>
export type TestOptions = GossipsubRouterOptions<TestMessage, Link>

/** One direction between two nodes. */
export interface Link {
  readonly to: Node
  /** The node's record there of who sends on this link. */
  remote: TestPeer | undefined
}

/** Pseudo-random numbers from a seed: the mulberry32 generator. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export class Node {
  readonly name: string
  readonly net: Net
  readonly router: TestRouter
  readonly delivered: string[] = []
  readonly connects: (Recommended | string)[] = []
  readonly drops: string[] = []
  readonly promises: { readonly id: string; readonly kept: boolean }[] = []
  /** Verdicts that the test gives itself, in order, while `holds` is set. */
  readonly held: {
    readonly stage: 'verify' | 'validate'
    readonly message: TestMessage
    done(verdict: Verdict): void
  }[] = []
  holds = false
  duplicates = 0
  /** Takes nothing from its queues: who sends to it does not get rid of anything. */
  reads = true

  constructor(net: Net, name: string, options: TestOptions) {
    this.net = net
    this.name = name
    const trace: RouterTrace<TestMessage, Link> = {
      duplicate: () => void this.duplicates++,
      promise: (_, id, kept) => void this.promises.push({ id, kept })
    }
    const host: RouterHost<TestMessage, Link> = {
      now: () => net.now,
      random: net.random,
      wake: () => {},
      verify: (message, _, done) => this.#judge('verify', message, message.forged === true ? 'reject' : 'accept', done),
      validate: (message, _, done) => this.#judge('validate', message, message.verdict ?? 'accept', done),
      deliver: (message) => void this.delivered.push(message.id),
      connect: (peers) => void this.connects.push(...peers),
      drop: (_, reason) => void this.drops.push(reason),
      exchange: (peer) => exchangeOf(peer.id),
      trace
    }
    this.router = gossipsubRouter(host, options)
  }

  peer(other: Node | string): TestPeer {
    const peer = this.router.peers.get(typeof other === 'string' ? other : other.name)
    if (peer === undefined)
      throw new Error(`${this.name} does not know ${typeof other === 'string' ? other : other.name}`)
    return peer
  }

  mesh(topic: string): string[] {
    return this.router.meshPeers(topic).map(({ id }) => id)
  }

  publish(topic: string, id: string, bytes = 100): string[] {
    return this.router.publish({ id, topic, bytes }).map((peer) => peer.id)
  }

  #judge(stage: 'verify' | 'validate', message: TestMessage, verdict: Verdict, done: (verdict: Verdict) => void): void {
    if (this.holds) this.held.push({ stage, message, done })
    else done(verdict)
  }
}

const text = new TextEncoder()

export const exchangeOf = (id: string): PeerExchange => ({
  peerId: text.encode(id),
  signedPeerRecord: text.encode(`signed by ${id}`)
})

export interface ConnectOptions {
  readonly protocol?: string
  readonly ips?: readonly [string, string]
}

/** Routers, and the links between them. */
export class Net {
  now = 1000
  readonly random: () => number
  readonly nodes: Node[] = []
  /** What was sent, oldest first. */
  readonly wire: { readonly from: string; readonly to: string; readonly rpc: Rpc<TestMessage> }[] = []
  readonly #options: TestOptions

  constructor(options: TestOptions = {}, seed = 1) {
    this.#options = options
    this.random = seeded(seed)
  }

  node(name: string, options: TestOptions = {}): Node {
    const node = new Node(this, name, { ...this.#options, ...options })
    this.nodes.push(node)
    return node
  }

  many(count: number, prefix = 'n', options: TestOptions = {}): Node[] {
    return Array.from({ length: count }, (_, at) => this.node(`${prefix}${at}`, options))
  }

  /** The first dials the second. */
  connect(dialler: Node, listener: Node, { protocol = '/meshsub/1.3.0', ips }: ConnectOptions = {}): void {
    const there: Link = { to: listener, remote: undefined }
    const back: Link = { to: dialler, remote: undefined }
    const near = dialler.router.addPeer({
      id: listener.name,
      handle: there,
      protocol,
      outbound: true,
      ...(ips && { ips: [ips[1]] })
    })
    const far = listener.router.addPeer({
      id: dialler.name,
      handle: back,
      protocol,
      outbound: false,
      ...(ips && { ips: [ips[0]] })
    })
    there.remote = far
    back.remote = near
  }

  full(nodes: readonly Node[] = this.nodes, options: ConnectOptions = {}): void {
    for (const [at, node] of nodes.entries())
      for (const other of nodes.slice(at + 1)) this.connect(node, other, options)
  }

  disconnect(a: Node, b: Node): void {
    a.router.removePeer(a.peer(b))
    b.router.removePeer(b.peer(a))
  }

  /** Carries everything until nothing is queued for anybody who reads. */
  pump(): void {
    for (let isBusy = true; isBusy;) {
      isBusy = false
      for (const node of this.nodes)
        for (const peer of [...node.router.peers.values()]) isBusy = this.#carry(node, peer) || isBusy
    }
  }

  /** Time passes: every node has its heartbeats, and everything is carried at once. */
  run(ms: number, stepMs = 1000): void {
    this.pump()
    for (const end = this.now + ms; this.now < end;) {
      this.now += stepMs
      for (const node of this.nodes) node.router.heartbeat()
      this.pump()
    }
  }

  /** RPCs that went from one to the other. */
  sent(from: Node, to: Node): Rpc<TestMessage>[] {
    return this.wire.filter((entry) => entry.from === from.name && entry.to === to.name).map(({ rpc }) => rpc)
  }

  #carry(node: Node, peer: TestPeer): boolean {
    const { to, remote } = peer.handle
    if (!to.reads || remote === undefined) return false
    let isBusy = false
    for (let item = peer.queue.shift(); item !== undefined; item = peer.queue.shift()) {
      isBusy = true
      const rpc: Rpc<TestMessage> = item.rpc ?? { publish: [item.message] }
      this.wire.push({ from: node.name, to: to.name, rpc })
      to.router.receive(remote, rpc)
    }
    return isBusy
  }
}

/** A peer that follows no rules: the test says every RPC that it sends, and sees what it gets. */
export class Rogue {
  readonly node: Node
  readonly peer: TestPeer

  constructor(
    node: Node,
    name: string,
    options: { protocol?: string; outbound?: boolean; ips?: readonly string[] } = {}
  ) {
    this.node = node
    this.peer = node.router.addPeer({
      id: name,
      handle: { to: node, remote: undefined },
      protocol: options.protocol ?? '/meshsub/1.3.0',
      outbound: options.outbound ?? false,
      ...(options.ips && { ips: options.ips })
    })
  }

  send(rpc: Rpc<TestMessage>): void {
    this.node.router.receive(this.peer, rpc)
  }

  subscribe(...topics: string[]): this {
    this.send({ subscriptions: topics.map((topic) => ({ topic, subscribe: true })) })
    return this
  }

  graft(topic: string): void {
    this.send({ control: { graft: [topic] } })
  }

  /** Takes what is queued for it. */
  got(): Rpc<TestMessage>[] {
    const rpcs: Rpc<TestMessage>[] = []
    for (let item = this.peer.queue.shift(); item !== undefined; item = this.peer.queue.shift()) {
      rpcs.push(item.rpc ?? { publish: [item.message] })
    }
    return rpcs
  }

  messages(): string[] {
    return this.got().flatMap((rpc) => rpc.publish?.map(({ id }) => id) ?? [])
  }

  get score(): number {
    return this.peer.score.value
  }
}

export const message = (id: string, topic = 't', more: Partial<TestMessage> = {}): TestMessage => ({
  id,
  topic,
  bytes: 100,
  ...more
})
