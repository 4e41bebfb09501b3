import { BoundedMap } from '@peerloom/bounded'
import { PeerloomError } from '@peerloom/interface'
import {
  type Message,
  type MessageId,
  OutboundQueue,
  type PeerInit,
  type Priority,
  type Router,
  type RouterHost,
  type RouterPeer,
  type Rpc,
  rpcBytes,
  type SubscriptionChange,
  type Verdict
} from '@peerloom/pubsub'

export interface FloodRouterOptions {
  /** How long a message is known to have come, in ms. Default 120,000. */
  readonly seenTtlMs?: number
  /** The most messages that are known; over that, the oldest are forgotten. Default 1,000,000. */
  readonly maxSeen?: number
  /** Topics of a peer that count. Default 1,024. */
  readonly maxTopicsPerPeer?: number
}

const defaults: Required<FloodRouterOptions> = { seenTtlMs: 120_000, maxSeen: 1_000_000, maxTopicsPerPeer: 1024 }

/** Copies of a message that wait while another one is verified: a forged one is not to take the place of a good one. */
const maxCopies = 8

export class FloodPeer<M extends Message, Handle> implements RouterPeer<M, Handle> {
  readonly id: string
  readonly handle: Handle
  readonly protocol: string
  readonly outbound: boolean
  readonly queue: OutboundQueue<M> = new OutboundQueue()
  readonly topics: Set<string> = new Set()

  constructor(init: PeerInit<Handle>) {
    this.id = init.id
    this.handle = init.handle
    this.protocol = init.protocol
    this.outbound = init.outbound
  }

  subscriptions(): SubscriptionChange[] {
    return Array.from(this.topics, (topic) => ({ topic, subscribe: true }))
  }
}

interface Copy<M extends Message, Handle> {
  readonly message: M
  readonly from: FloodPeer<M, Handle>
}

/** Sends every message on to every peer that subscribed to its topic (pubsub specification, FloodSub). */
export class FloodRouter<M extends Message, Handle> implements Router<M, Handle> {
  readonly protocols: readonly string[] = ['/floodsub/1.0.0']
  readonly heartbeatMs = 60_000
  readonly peers: Map<string, FloodPeer<M, Handle>> = new Map()
  readonly #host: RouterHost<M, Handle>
  readonly #options: Required<FloodRouterOptions>
  readonly #seen: BoundedMap<MessageId, true>
  /** Being verified, each with the copies that came since. */
  readonly #verifying = new Map<MessageId, Copy<M, Handle>[]>()
  readonly #own = new Set<string>()
  readonly #subscribers = new Map<string, Set<FloodPeer<M, Handle>>>()

  constructor(host: RouterHost<M, Handle>, options: FloodRouterOptions = {}) {
    this.#host = host
    this.#options = { ...defaults, ...options }
    const { maxSeen: maxEntries, seenTtlMs: ttlMs } = this.#options
    this.#seen = new BoundedMap({ maxEntries, ttlMs, clock: host })
  }

  addPeer(init: PeerInit<Handle>): FloodPeer<M, Handle> {
    if (this.peers.has(init.id)) throw new PeerloomError('ERR_INVALID_ARGUMENT', `${init.id} is a peer already`)
    const peer = new FloodPeer<M, Handle>(init)
    this.peers.set(peer.id, peer)
    if (this.#own.size > 0)
      this.#tell(
        peer,
        [...this.#own].map((topic) => ({ topic, subscribe: true }))
      )
    return peer
  }

  removePeer(peer: RouterPeer<M, Handle>): void {
    const known = this.peers.get(peer.id)
    if (known === undefined || known !== peer) return
    this.peers.delete(peer.id)
    for (const topic of known.topics) this.#change(known, topic, false)
    known.queue.clear()
  }

  restarted(): void {}

  receive(from: RouterPeer<M, Handle>, rpc: Rpc<M>): void {
    const peer = this.peers.get(from.id)
    if (peer === undefined || peer !== from) return
    for (const { topic, subscribe } of rpc.subscriptions ?? []) this.#change(peer, topic, subscribe)
    for (const message of rpc.publish ?? []) this.#take({ message, from: peer })
  }

  subscribe(topic: string): void {
    if (this.#own.has(topic)) return
    this.#own.add(topic)
    for (const peer of this.peers.values()) this.#tell(peer, [{ topic, subscribe: true }])
  }

  unsubscribe(topic: string): void {
    if (!this.#own.delete(topic)) return
    for (const peer of this.peers.values()) this.#tell(peer, [{ topic, subscribe: false }])
  }

  publish(message: M): RouterPeer<M, Handle>[] {
    this.#seen.set(message.id, true)
    return this.#send(message, 'own')
  }

  subscribers(topic: string): RouterPeer<M, Handle>[] {
    return [...(this.#subscribers.get(topic) ?? [])]
  }

  heartbeat(): void {
    this.#seen.prune()
    this.#host.trace?.heartbeat?.()
  }

  inspect(): object {
    return {
      seen: this.#seen.size,
      verifying: this.#verifying.size,
      topics: Object.fromEntries(
        [...this.#subscribers].map(([topic, peers]) => [topic, [...peers].map(({ id }) => id)])
      )
    }
  }

  #change(peer: FloodPeer<M, Handle>, topic: string, subscribe: boolean): void {
    if (peer.topics.has(topic) === subscribe) return
    const subscribers = this.#subscribers.get(topic)
    if (subscribe) {
      if (peer.topics.size >= this.#options.maxTopicsPerPeer) return
      peer.topics.add(topic)
      if (subscribers === undefined) this.#subscribers.set(topic, new Set([peer]))
      else subscribers.add(peer)
    } else {
      peer.topics.delete(topic)
      subscribers?.delete(peer)
      if (subscribers?.size === 0) this.#subscribers.delete(topic)
    }
    this.#host.subscribed?.(peer, topic, subscribe)
  }

  #take(copy: Copy<M, Handle>): void {
    const { message, from } = copy
    const { id } = message
    if (this.#seen.has(id)) {
      this.#host.trace?.duplicate?.(message, from)
      return
    }
    // What nobody here wants is not carried for others: they ask their own peers.
    if (!this.#own.has(message.topic)) return
    const copies = this.#verifying.get(id)
    if (copies === undefined) this.#verify(copy)
    else if (copies.length < maxCopies) copies.push(copy)
  }

  #verify(copy: Copy<M, Handle>): void {
    const { message, from } = copy
    if (this.#host.verify === undefined) {
      this.#genuine(copy)
      return
    }
    const waiting: Copy<M, Handle>[] = this.#verifying.get(message.id) ?? []
    this.#verifying.set(message.id, waiting)
    this.#host.verify(message, from, (verdict) => {
      if (verdict === 'accept') {
        this.#verifying.delete(message.id)
        this.#genuine(copy)
        return
      }
      this.#host.trace?.verdict?.(message, from, verdict)
      const next = waiting.shift()
      if (next === undefined) this.#verifying.delete(message.id)
      else this.#verify(next)
    })
  }

  #genuine({ message, from }: Copy<M, Handle>): void {
    this.#seen.set(message.id, true)
    this.#host.validate(message, from, (verdict: Verdict) => {
      this.#host.trace?.verdict?.(message, from, verdict)
      if (verdict === 'throttled') this.#seen.delete(message.id)
      if (verdict !== 'accept') return
      if (this.#own.has(message.topic)) this.#host.deliver(message, from)
      this.#send(message, 'forward', from)
    })
  }

  /** To all who subscribed, but who it came from and who made it. */
  #send(message: M, priority: Priority, from?: FloodPeer<M, Handle>): FloodPeer<M, Handle>[] {
    const recipients: FloodPeer<M, Handle>[] = []
    for (const peer of this.#subscribers.get(message.topic) ?? []) {
      if (peer === from || (from !== undefined && peer.id === message.author)) continue
      if (this.#push(peer, { message, bytes: message.bytes }, priority)) recipients.push(peer)
    }
    return recipients
  }

  #tell(peer: FloodPeer<M, Handle>, subscriptions: readonly SubscriptionChange[]): void {
    const rpc = { subscriptions }
    if (this.#push(peer, { rpc, bytes: rpcBytes(rpc) }, 'control')) return
    this.#host.drop(peer, 'it does not take what we subscribe to')
  }

  #push(peer: FloodPeer<M, Handle>, item: Parameters<OutboundQueue<M>['push']>[0], priority: Priority): boolean {
    const { queue } = peer
    const wasEmpty = queue.length === 0
    const { dropped } = queue
    const hasRoom = queue.push(item, priority)
    if (queue.dropped > dropped) this.#host.trace?.dropped?.(peer, queue.dropped - dropped)
    if (hasRoom && wasEmpty) this.#host.wake(peer)
    return hasRoom
  }
}
