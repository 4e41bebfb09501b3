import {
  type Message,
  OutboundQueue,
  type PeerInit,
  type Router,
  type RouterHost,
  type RouterPeer,
  type Rpc,
  rpcBytes,
  type SubscriptionChange
} from '@peerloom/pubsub'

interface Peer<M extends Message, H> extends RouterPeer<M, H> {
  readonly topics: Set<string>
}

/** Sends everything to everybody: the smallest router that the network can be tried with. */
export class FloodRouter<M extends Message, H> implements Router<M, H> {
  readonly protocols: readonly string[] = ['/floodsub/1.0.0']
  readonly heartbeatMs: number = 1000
  readonly peers: Map<string, Peer<M, H>> = new Map()
  readonly topics: Set<string> = new Set()
  readonly #host: RouterHost<M, H>
  readonly #seen = new Set<string>()

  constructor(host: RouterHost<M, H>) {
    this.#host = host
  }

  addPeer(init: PeerInit<H>): RouterPeer<M, H> {
    const topics = new Set<string>()
    const peer: Peer<M, H> = { ...init, queue: new OutboundQueue<M>(), topics, subscriptions: () => changes(topics) }
    this.peers.set(peer.id, peer)
    if (this.topics.size > 0) this.#tell(peer, { subscriptions: changes(this.topics) })
    return peer
  }

  removePeer(peer: RouterPeer<M, H>): void {
    this.peers.delete(peer.id)
  }

  restarted(): void {}

  receive(from: RouterPeer<M, H>, rpc: Rpc<M>): void {
    for (const { topic, subscribe } of rpc.subscriptions ?? []) {
      const topics = from.topics as Set<string>
      if (subscribe) topics.add(topic)
      else topics.delete(topic)
    }
    for (const message of rpc.publish ?? []) {
      if (this.#seen.has(message.id)) continue
      this.#seen.add(message.id)
      this.#host.validate(message, from, (verdict) => {
        if (verdict !== 'accept') return
        this.#host.deliver(message, from)
        this.#spread(message, from)
      })
    }
  }

  subscribe(topic: string): void {
    this.topics.add(topic)
    for (const peer of this.peers.values()) this.#tell(peer, { subscriptions: [{ topic, subscribe: true }] })
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic)
    for (const peer of this.peers.values()) this.#tell(peer, { subscriptions: [{ topic, subscribe: false }] })
  }

  publish(message: M): RouterPeer<M, H>[] {
    this.#seen.add(message.id)
    return this.#spread(message)
  }

  subscribers(topic: string): RouterPeer<M, H>[] {
    return [...this.peers.values()].filter(({ topics }) => topics.has(topic))
  }

  heartbeat(): void {}

  inspect(): unknown {
    return { peers: [...this.peers.keys()] }
  }

  #spread(message: M, from?: RouterPeer<M, H>): RouterPeer<M, H>[] {
    const to = this.subscribers(message.topic).filter((peer) => peer !== from)
    for (const peer of to) {
      peer.queue.push({ message, bytes: message.bytes }, from === undefined ? 'own' : 'forward')
      this.#host.wake(peer)
    }
    return to
  }

  #tell(peer: RouterPeer<M, H>, rpc: Rpc<never>): void {
    peer.queue.push({ rpc, bytes: rpcBytes(rpc) }, 'control')
    this.#host.wake(peer)
  }
}

const changes = (topics: ReadonlySet<string>): SubscriptionChange[] =>
  Array.from(topics, (topic) => ({ topic, subscribe: true }))
