import type { Message, SubscriptionChange } from '@peerloom/pubsub'
import type { Context } from './context.ts'
import type { Mesh } from './mesh.ts'
import type { PeerState } from './peer.ts'

/** What peers subscribe to. Names of topics are theirs to choose, so they are kept with the peer, few and short. */
export class Subscriptions<M extends Message, Handle> {
  readonly #context: Context<M, Handle>
  readonly #mesh: Mesh<M, Handle>

  constructor(context: Context<M, Handle>, mesh: Mesh<M, Handle>) {
    this.#context = context
    this.#mesh = mesh
  }

  changed(peer: PeerState<M, Handle>, changes: readonly SubscriptionChange[]): void {
    const { maxSubscriptionsPerRpc } = this.#context.settings
    let taken = 0
    for (const change of changes) {
      if (++taken > maxSubscriptionsPerRpc) return
      if (change.subscribe) this.#subscribe(peer, change)
      else this.#unsubscribe(peer, change.topic)
    }
  }

  /** The peer disconnected. */
  gone(peer: PeerState<M, Handle>): void {
    for (const topic of peer.topics) this.#forget(peer, topic)
  }

  #subscribe(peer: PeerState<M, Handle>, { topic: name, requestsPartial, supportsPartial }: SubscriptionChange): void {
    const { settings, topics, host } = this.#context
    if (!peer.topics.has(name)) {
      if (settings.allowTopic?.(name) === false) return
      const chars = peer.topicChars + name.length
      if (peer.topics.size >= settings.maxTopicsPerPeer || chars > settings.maxTopicCharsPerPeer) return
      peer.topics.add(name)
      peer.topicChars = chars
      topics.get(name)?.add(peer)
      host.subscribed?.(peer, name, true)
    }
    peer.wish(name, requestsPartial === true, supportsPartial === true)
  }

  #unsubscribe(peer: PeerState<M, Handle>, name: string): void {
    if (!peer.topics.delete(name)) return
    peer.topicChars -= name.length
    this.#forget(peer, name)
    this.#context.host.subscribed?.(peer, name, false)
  }

  #forget(peer: PeerState<M, Handle>, name: string): void {
    const topic = this.#context.topics.get(name)
    peer.wish(name, false, false)
    if (topic === undefined) return
    topic.delete(peer)
    this.#mesh.lose(peer, topic)
  }
}
