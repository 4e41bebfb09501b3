import {
  type Extensions,
  type Message,
  type MessageId,
  OutboundQueue,
  type PeerInit,
  type Refusals,
  type RouterPeer,
  type SubscriptionChange
} from '@peerloom/pubsub'
import type { Outgoing } from './outbox.ts'
import type { Settings } from './options.ts'
import { type Features, featuresOf } from './protocols.ts'
import type { PeerScore } from './score/peer-score.ts'

/** Of who announced nothing, which are most. */
const noExtensions: Extensions = Object.freeze({})

/**
 * Everything that is known of a peer that is there: with it goes all of that, but for its score and backoffs. What every RPC
 * looks at is in this one object: among many peers, each further object is one more piece of cold memory.
 */
export class PeerState<M extends Message = Message, Handle = unknown> implements RouterPeer<M, Handle>, Refusals {
  // Fields that every RPC looks at come first: they share lines of cache.
  /** It left: what still refers to it lets go. */
  isGone = false
  #hasSpoken = false
  readonly isDirect: boolean
  readonly features: Features
  readonly score: PeerScore
  readonly queue: OutboundQueue<M>
  /**
   * Ids that it sent IDONTWANT for, and until which heartbeat that holds. In order of expiry, since every entry is good for as
   * many heartbeats. Made when the first comes.
   */
  #unwanted: Map<MessageId, number> | undefined
  // What was taken from it since the last heartbeat.
  /** Changes of subscriptions, and entries of control messages of all kinds. */
  entries = 0
  dontWantRpcs = 0
  ihaveRpcs = 0
  ihaveIds = 0
  iwantIds = 0
  readonly id: string
  readonly handle: Handle
  readonly protocol: string
  readonly outbound: boolean
  /** It may be in meshes, and hears gossip. */
  readonly isMeshable: boolean
  /** It is to hear of messages, in this heartbeat. */
  hearsGossip = false
  /** The last round of gossip that it needs nothing of, because messages are pushed to it. */
  pushMark = 0
  readonly topics: Set<string> = new Set()
  /** Characters of all topics. */
  topicChars = 0
  /** Control messages that leave when the call is over; see Outbox. */
  outgoing: Outgoing | undefined
  /**
   * What it can do beyond GossipSub 1.2. It says so in the first RPC of its stream, or it can do nothing: there is no
   * negotiation (gossipsub 1.3, "The Extensions Control Message").
   */
  announced: Extensions = noExtensions
  #partial: Map<string, 'requests' | 'supports'> | undefined

  constructor(init: PeerInit<Handle>, score: PeerScore, settings: Settings<M, Handle>) {
    this.id = init.id
    this.handle = init.handle
    this.protocol = init.protocol
    this.outbound = init.outbound
    this.features = featuresOf(init.protocol)
    this.isDirect = settings.directPeers.has(init.id)
    this.isMeshable = this.features.mesh && !this.isDirect
    this.score = score
    this.queue = new OutboundQueue<M>(settings.queue, this)
  }

  subscriptions(): SubscriptionChange[] {
    return Array.from(this.topics, (topic) => {
      const wish = this.#partial?.get(topic)
      if (wish === undefined) return { topic, subscribe: true }
      return { topic, subscribe: true, requestsPartial: wish === 'requests', supportsPartial: true }
    })
  }

  /** Takes note of an RPC. `first`: now its extensions are known. `again`: a breach, they are announced once. */
  hear(extensions: Extensions | undefined): 'first' | 'again' | undefined {
    if (this.#hasSpoken) return extensions === undefined ? undefined : 'again'
    this.#hasSpoken = true
    this.announced = extensions ?? noExtensions
    return 'first'
  }

  /** It has a new stream. */
  restart(): void {
    this.#hasSpoken = false
    this.announced = noExtensions
  }

  /** It wants parts of messages of the topic, and no whole ones. */
  requestsPartial(topic: string): boolean {
    return this.announced.partialMessages === true && this.#partial?.get(topic) === 'requests'
  }

  /** It can send parts. Who wants them can. */
  supportsPartial(topic: string): boolean {
    return this.announced.partialMessages === true && this.#partial?.has(topic) === true
  }

  wish(topic: string, requests: boolean, supports: boolean): void {
    if (!requests && !supports) this.#partial?.delete(topic)
    else (this.#partial ??= new Map()).set(topic, requests ? 'requests' : 'supports')
  }

  /** A heartbeat is over. Below the threshold, it hears no gossip in the next one. */
  tick(tick: number, gossipThreshold: number): void {
    this.hearsGossip = this.isMeshable && this.score.value >= gossipThreshold
    this.ihaveRpcs = this.ihaveIds = this.iwantIds = this.dontWantRpcs = this.entries = 0
    if (this.#unwanted === undefined) return
    for (const [id, until] of this.#unwanted) {
      if (until > tick) return
      this.#unwanted.delete(id)
    }
  }

  /** How many ids it does not want. */
  get refused(): number {
    return this.#unwanted?.size ?? 0
  }

  refuses(id: MessageId): boolean {
    return this.#unwanted?.has(id) === true
  }

  /** IDONTWANT. Over the bound, more is not remembered: the peer gets what it need not have. */
  refuse(id: MessageId, untilTick: number, max: number): void {
    const unwanted = (this.#unwanted ??= new Map())
    if (!unwanted.delete(id) && unwanted.size >= max) return
    unwanted.set(id, untilTick)
  }

  /** It asked for the message, whatever it said before. */
  asked(id: MessageId): void {
    this.#unwanted?.delete(id)
  }
}
