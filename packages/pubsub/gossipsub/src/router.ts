import { PeerloomError } from '@peerloom/interface'
import type {
  Message,
  Outbound,
  PeerInit,
  Priority,
  Router,
  RouterHost,
  RouterPeer,
  Rpc,
  SubscriptionChange
} from '@peerloom/pubsub'
import { Backoffs } from './backoff.ts'
import type { Context } from './context.ts'
import type { Delivery } from './delivery.ts'
import { type PartialContent, PartialMessages } from './extensions/partial.ts'
import { Excess } from './excess.ts'
import { Fanout } from './fanout.ts'
import { PeerGater } from './gater.ts'
import { Gossip } from './gossip.ts'
import { DontWant } from './idontwant.ts'
import { type GossipsubSnapshot, snapshot } from './inspect.ts'
import { Mesh } from './mesh.ts'
import { MessageCache } from './message-cache.ts'
import { type GossipsubRouterOptions, settingsOf } from './options.ts'
import { Outbox } from './outbox.ts'
import { PeerState } from './peer.ts'
import { Pipeline } from './pipeline.ts'
import { gossipsubProtocols } from './protocols.ts'
import { PeerRecommender } from './px.ts'
import { Scores } from './score/scores.ts'
import { Seen } from './seen.ts'
import { Subscriptions } from './subscriptions.ts'
import { type PartialWish, Topic } from './topic.ts'

/** Heartbeats between looks for backoffs that are over. */
const sweepTicks = 15
/** A second extensions message can not happen by accident (gossipsub 1.3); go-libp2p-pubsub takes the same. */
const repeatedExtensionsPenalty = 10

/**
 * GossipSub 1.0 to 1.3. Every call does what there is to do at once, and leaves what is to be sent in the queues of peers.
 * Each concept has a file of its own; here they meet.
 */
export class GossipsubRouter<M extends Message, Handle> implements Router<M, Handle> {
  readonly protocols: readonly string[] = gossipsubProtocols
  readonly heartbeatMs: number
  readonly #context: Context<M, Handle>
  readonly #mesh: Mesh<M, Handle>
  readonly #fanout: Fanout<M, Handle>
  readonly #gossip: Gossip<M, Handle>
  readonly #dontWant: DontWant<M, Handle>
  readonly #pipeline: Pipeline<M, Handle>
  readonly #recommender: PeerRecommender<M, Handle>
  readonly #subscriptions: Subscriptions<M, Handle>
  readonly #excess: Excess<M, Handle>
  readonly #gater: PeerGater | undefined
  readonly #partial: PartialMessages<M, Handle> | undefined

  constructor(host: RouterHost<M, Handle>, options: GossipsubRouterOptions<M, Handle> = {}) {
    const settings = settingsOf(options)
    const now = host.now()
    const random = (): number => host.random()
    this.heartbeatMs = settings.heartbeatMs
    const scores = new Scores(settings.score, now)
    const context: Context<M, Handle> = {
      host,
      settings,
      random,
      peers: new Map(),
      topics: new Map(),
      scores,
      backoffs: new Backoffs(settings.maxBackoffMs, settings.maxBackoffs),
      seen: new Seen(settings.seenTtlMs, settings.maxSeen, now),
      cache: new MessageCache(settings.historyTicks, settings.gossipTicks, settings.maxCachedBytes),
      outbox: new Outbox(host, scores, settings.maxControlBytes, settings.maxIHaveRpcs),
      tick: 0
    }
    this.#context = context
    this.#gater = settings.gater && new PeerGater(settings.gater, random, now)
    this.#recommender = new PeerRecommender(context)
    this.#excess = new Excess(context)
    this.#mesh = new Mesh(context, this.#recommender)
    this.#fanout = new Fanout(context)
    this.#gossip = new Gossip(context)
    this.#dontWant = new DontWant(context)
    this.#partial = settings.partialMessages && new PartialMessages(context, settings.partialMessages)
    this.#subscriptions = new Subscriptions(context, this.#mesh)
    this.#pipeline = new Pipeline(context, this.#gater, {
      genuine: (message, delivery) => {
        this.#gossip.arrived(message.id)
        this.#dontWant.announce(message, delivery)
      },
      delayed: (message, delivery) => this.#dontWant.delayed(message, delivery),
      accepted: (message, from, topic, delivery) => this.#accepted(message, from, topic, delivery)
    })
  }

  get peers(): ReadonlyMap<string, PeerState<M, Handle>> {
    return this.#context.peers
  }

  addPeer(init: PeerInit<Handle>): PeerState<M, Handle> {
    const { peers, scores, settings } = this.#context
    if (peers.has(init.id)) throw new PeerloomError('ERR_INVALID_ARGUMENT', `peer ${init.id} is known already`)
    const peer = new PeerState<M, Handle>(init, scores.add(init.id, init.ips), settings)
    peers.set(peer.id, peer)
    this.#gater?.add(peer.id, init.ips?.[0])
    this.#greet(peer)
    return peer
  }

  removePeer(known: RouterPeer<M, Handle>): void {
    const peer = this.#own(known)
    if (peer === undefined) return
    const { peers, scores, host } = this.#context
    peers.delete(peer.id)
    peer.isGone = true
    this.#subscriptions.gone(peer)
    this.#partial?.gone(peer)
    this.#gater?.remove(peer.id, host.now())
    scores.remove(peer.score, host.now())
    peer.queue.clear()
  }

  restarted(known: RouterPeer<M, Handle>): void {
    this.#own(known)?.restart()
  }

  receive(from: RouterPeer<M, Handle>, rpc: Rpc<M>): void {
    const peer = this.#own(from)
    if (peer === undefined) return
    const { scores, host } = this.#context
    this.#hear(peer, rpc)
    this.#excess.taken(peer, rpc)
    if (rpc.subscriptions !== undefined) this.#subscriptions.changed(peer, rpc.subscriptions)
    if (peer.isDirect || peer.score.value >= scores.thresholds.graylist) {
      if (rpc.publish !== undefined && (peer.isDirect || this.#gater?.admits(peer.id, host.now()) !== false)) {
        this.#pipeline.receive(peer, rpc.publish)
      }
      if (rpc.control !== undefined) this.#control(peer, rpc)
      if (rpc.partial !== undefined) this.#partial?.received(peer, rpc.partial)
    }
    this.#context.outbox.flush()
  }

  subscribe(name: string, wish: PartialWish = this.#context.settings.partialMessages?.wish?.(name) ?? {}): void {
    const topic = this.#topic(name)
    const isNew = !topic.isSubscribed
    if (!isNew && topic.wish.requests === wish.requests && topic.wish.supports === wish.supports) return
    topic.isSubscribed = true
    topic.wish = wish
    this.#announce(subscriptionOf(topic))
    if (isNew) this.#mesh.join(topic)
    this.#context.outbox.flush()
  }

  unsubscribe(name: string): void {
    const { topics, cache, outbox } = this.#context
    const topic = topics.get(name)
    if (topic?.isSubscribed !== true) return
    topic.isSubscribed = false
    // First, so that PRUNE does not come after what makes it superfluous: it holds the backoff.
    this.#mesh.leave(topic)
    outbox.flush()
    this.#announce({ topic: name, subscribe: false })
    cache.forget(topic)
    topics.delete(name)
  }

  publish(message: M): PeerState<M, Handle>[] {
    const { host, settings, scores, seen, cache } = this.#context
    const topic = this.#topic(message.topic)
    const { thresholds } = scores
    if (!topic.isSubscribed) this.#fanout.use(topic)
    seen.own(message.id, host.now())
    cache.put(message, topic)
    const reached: PeerState<M, Handle>[] = []
    const item: Outbound<M> = { message, bytes: message.bytes }
    const pushedTo = topic.isSubscribed ? topic.mesh : topic.fanout
    const floods = settings.floodPublish && message.bytes * topic.peers.size <= settings.floodPublishBytes
    for (const peer of topic.peers) {
      const isFit =
        peer.isDirect ||
        pushedTo.has(peer) ||
        ((floods || !peer.features.mesh) && peer.score.value >= thresholds.publish)
      if (isFit && this.#push(peer, topic, item, 'own')) reached.push(peer)
    }
    return reached
  }

  /** Spreads what is new of a message in parts (1.3). Gives who it was queued for. */
  publishPartial(name: string, groupId: Uint8Array, content: PartialContent<M, Handle>): PeerState<M, Handle>[] {
    if (this.#partial === undefined) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', 'gossipsub has no application for partial messages')
    }
    const topic = this.#topic(name)
    if (!topic.isSubscribed) this.#fanout.use(topic)
    return this.#partial.publish(topic, groupId, content)
  }

  subscribers(name: string): PeerState<M, Handle>[] {
    const { topics, peers } = this.#context
    const topic = topics.get(name)
    if (topic !== undefined) return [...topic.peers]
    return [...peers.values()].filter((peer) => peer.topics.has(name))
  }

  /** The peers that messages of the topic are exchanged with at once. */
  meshPeers(name: string): PeerState<M, Handle>[] {
    return [...(this.#context.topics.get(name)?.mesh ?? [])]
  }

  heartbeat(): void {
    const context = this.#context
    const { host, settings, scores, topics, peers, cache, outbox } = context
    const now = host.now()
    const tick = ++context.tick
    scores.tick(now)
    this.#gater?.tick(now)
    this.#gossip.tick(now)
    for (const peer of peers.values()) peer.tick(tick, scores.thresholds.gossip)
    if (tick % sweepTicks === 0) context.backoffs.sweep(now, settings.backoffSlackTicks * settings.heartbeatMs)
    if (tick % settings.directConnectTicks === 1 % settings.directConnectTicks) this.#connectDirect()
    for (const topic of topics.values()) {
      if (topic.isSubscribed) this.#mesh.maintain(topic)
      else if (!this.#fanout.maintain(topic)) {
        cache.forget(topic)
        topics.delete(topic.name)
        continue
      }
      this.#gossip.emit(topic, this.#partial)
      cache.shift(topic)
    }
    this.#partial?.tick()
    context.seen.sweep(now)
    outbox.flush()
    host.trace?.heartbeat?.()
  }

  inspect(): GossipsubSnapshot {
    return snapshot(this.#context, {
      promises: this.#gossip.promised,
      copyBytes: this.#pipeline.copyBytes,
      partialGroups: this.#partial?.size ?? 0,
      gaterEntries: this.#gater?.size ?? 0
    })
  }

  /** Peers come from the host, which may hold one that is gone. */
  #own(peer: RouterPeer<M, Handle>): PeerState<M, Handle> | undefined {
    const own = peer as PeerState<M, Handle>
    return own.isGone ? undefined : own
  }

  /** The first thing on a stream: what we can do, and all that we subscribe to. */
  #greet(peer: PeerState<M, Handle>): void {
    const { topics, settings, outbox } = this.#context
    const subscriptions: SubscriptionChange[] = []
    for (const topic of topics.values()) if (topic.isSubscribed) subscriptions.push(subscriptionOf(topic))
    const extensions = {
      ...(settings.partialMessages && { partialMessages: true }),
      ...(settings.onTestExtension && { testExtension: true })
    }
    const hasExtensions = peer.features.extensions && Object.keys(extensions).length > 0
    if (subscriptions.length === 0 && !hasExtensions) return
    const control = hasExtensions ? { extensions } : undefined
    outbox.rpc(peer, { subscriptions: subscriptions.length > 0 ? subscriptions : undefined, control }, 'control')
  }

  /** Extensions come before everything else, since they say how to read the rest. */
  #hear(peer: PeerState<M, Handle>, { control, testExtension }: Rpc<M>): void {
    if (!peer.features.extensions) return
    const { settings, scores, outbox } = this.#context
    const heard = peer.hear(control?.extensions)
    if (heard === 'again') scores.penalize(peer.score, repeatedExtensionsPenalty)
    if (settings.onTestExtension === undefined || peer.announced.testExtension !== true) return
    if (heard === 'first') outbox.rpc(peer, { testExtension: true }, 'control')
    if (testExtension === true) settings.onTestExtension(peer)
  }

  #control(peer: PeerState<M, Handle>, { control = {} }: Rpc<M>): void {
    if (!peer.features.mesh) return
    this.#gossip.ihave(peer, control)
    this.#gossip.iwant(peer, control)
    for (const topic of control.graft ?? []) this.#mesh.grafted(peer, topic)
    for (const prune of control.prune ?? []) {
      if (this.#mesh.pruned(peer, prune.topic, prune.backoffSeconds)) this.#recommender.recommended(peer, prune)
    }
    this.#dontWant.taken(peer, control)
  }

  #accepted(message: M, from: PeerState<M, Handle>, topic: Topic<M, Handle>, delivery: Delivery<M, Handle>): void {
    const { cache, host, scores } = this.#context
    if (!topic.isSubscribed) return
    cache.put(message, topic)
    const item: Outbound<M> = { message, bytes: message.bytes }
    for (const peer of topic.mesh) if (!delivery.sentBy(peer)) this.#push(peer, topic, item, 'forward')
    // Direct and FloodSub peers are in no mesh.
    if (topic.others > 0) {
      for (const peer of topic.peers) {
        const isOther = peer.isDirect || (!peer.features.mesh && peer.score.value >= scores.thresholds.publish)
        if (isOther && !delivery.sentBy(peer)) this.#push(peer, topic, item, 'forward')
      }
    }
    host.deliver(message, from)
  }

  #push(peer: PeerState<M, Handle>, topic: Topic<M, Handle>, item: Outbound<M>, priority: Priority): boolean {
    const message = item.message as M
    if (peer.id === message.author || peer.refuses(message.id)) return false
    // It gets the parts that it lacks.
    if (topic.sendsParts && peer.requestsPartial(topic.name)) return false
    return this.#context.outbox.send(peer, item, priority)
  }

  #announce(change: SubscriptionChange): void {
    const { peers, outbox } = this.#context
    for (const peer of peers.values()) outbox.rpc(peer, { subscriptions: [change] }, 'control')
  }

  #topic(name: string): Topic<M, Handle> {
    const { topics, peers, scores } = this.#context
    let topic = topics.get(name)
    if (topic !== undefined) return topic
    topic = new Topic<M, Handle>(name, scores.topic(name), topics.size)
    topics.set(name, topic)
    for (const peer of peers.values()) if (peer.topics.has(name)) topic.add(peer)
    return topic
  }

  #connectDirect(): void {
    const { settings, peers, host } = this.#context
    const gone = [...settings.directPeers].filter((id) => !peers.has(id))
    if (gone.length > 0) host.connect(gone)
  }
}

function subscriptionOf({ name, wish }: Pick<Topic, 'name' | 'wish'>): SubscriptionChange {
  return {
    topic: name,
    subscribe: true,
    ...(wish.requests === true && { requestsPartial: true }),
    ...((wish.requests === true || wish.supports === true) && { supportsPartial: true })
  }
}
