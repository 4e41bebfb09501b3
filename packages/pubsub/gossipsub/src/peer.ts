import { type Message, OutboundQueue, type PeerInit, type RouterPeer, type SubscriptionChange } from '@peerloom/pubsub'
import { Announced } from './extensions/announced.ts'
import type { Outgoing } from './outbox.ts'
import type { Settings } from './options.ts'
import { type Features, featuresOf } from './protocols.ts'
import type { PeerScore } from './score/peer-score.ts'
import { Unwanted } from './unwanted.ts'

/** What was taken from a peer since the last heartbeat. */
export class Counters {
  ihaveRpcs = 0
  ihaveIds = 0
  iwantIds = 0
  dontWantRpcs = 0
  /** Changes of subscriptions, and entries of control messages of all kinds. */
  entries = 0

  reset(): void {
    this.ihaveRpcs = this.ihaveIds = this.iwantIds = this.dontWantRpcs = this.entries = 0
  }
}

/** Everything that is known of a peer that is there: with it goes all of that, but for its score and backoffs. */
export class PeerState<M extends Message = Message, Handle = unknown> implements RouterPeer<M, Handle> {
  readonly id: string
  readonly handle: Handle
  readonly protocol: string
  readonly outbound: boolean
  readonly features: Features
  readonly isDirect: boolean
  /** It may be in meshes, and hears gossip. */
  readonly isMeshable: boolean
  /** It is to hear of messages, in this heartbeat. */
  hearsGossip = false
  /** The last round of gossip that it needs nothing of, because messages are pushed to it. */
  pushMark = 0
  readonly queue: OutboundQueue<M>
  readonly topics: Set<string> = new Set()
  /** Characters of all topics. */
  topicChars = 0
  readonly score: PeerScore
  readonly counters: Counters = new Counters()
  /** Ids that it does not want; made when the first comes. */
  unwanted: Unwanted | undefined
  /** Control messages that leave when the call is over; see Outbox. */
  outgoing: Outgoing | undefined
  /** What it said that it can do (1.3). */
  readonly announced: Announced = new Announced()
  #partial: Map<string, 'requests' | 'supports'> | undefined
  /** It left: what still refers to it lets go. */
  isGone = false

  constructor(init: PeerInit<Handle>, score: PeerScore, settings: Settings<M, Handle>) {
    this.id = init.id
    this.handle = init.handle
    this.protocol = init.protocol
    this.outbound = init.outbound
    this.features = featuresOf(init.protocol)
    this.isDirect = settings.directPeers.has(init.id)
    this.isMeshable = this.features.mesh && !this.isDirect
    this.score = score
    this.queue = new OutboundQueue<M>(settings.queue, (id) => this.unwanted?.has(id) === true)
  }

  subscriptions(): SubscriptionChange[] {
    return Array.from(this.topics, (topic) => {
      const wish = this.#partial?.get(topic)
      if (wish === undefined) return { topic, subscribe: true }
      return { topic, subscribe: true, requestsPartial: wish === 'requests', supportsPartial: true }
    })
  }

  /** It wants parts of messages of the topic, and no whole ones. */
  requestsPartial(topic: string): boolean {
    return this.announced.partialMessages && this.#partial?.get(topic) === 'requests'
  }

  /** It can send parts. Who wants them can. */
  supportsPartial(topic: string): boolean {
    return this.announced.partialMessages && this.#partial?.has(topic) === true
  }

  wish(topic: string, requests: boolean, supports: boolean): void {
    if (!requests && !supports) this.#partial?.delete(topic)
    else (this.#partial ??= new Map()).set(topic, requests ? 'requests' : 'supports')
  }

  /** A heartbeat is over. Below the threshold, it hears no gossip in the next one. */
  tick(tick: number, gossipThreshold: number): void {
    this.hearsGossip = this.isMeshable && this.score.value >= gossipThreshold
    this.counters.reset()
    this.unwanted?.sweep(tick)
  }

  refuse(id: string, until: number, max: number): void {
    this.unwanted ??= new Unwanted()
    this.unwanted.add(id, until, max)
  }
}
