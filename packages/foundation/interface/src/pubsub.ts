import type { PeerId } from './peer.ts'

export interface PubSubMessage {
  readonly topic: string
  /** Shared with what is sent on to others: not to be changed. */
  readonly data: Uint8Array
  /** Absent under StrictNoSign. */
  readonly from: PeerId | undefined
  readonly seqno: bigint | undefined
  readonly id: Uint8Array
  /** Who it came from last; undefined for our own. */
  readonly receivedFrom: PeerId | undefined
}

export interface PublishResult {
  /** Peers that it was queued for. */
  readonly recipients: readonly PeerId[]
}

/** A peer joined a topic, or left it. */
export interface SubscriptionEvent {
  readonly peer: PeerId
  readonly topic: string
  readonly subscribed: boolean
}

export interface PubSubEvents {
  /** Messages of all topics that we subscribed to. */
  message: CustomEvent<PubSubMessage>
  'subscription-change': CustomEvent<SubscriptionEvent>
}

export interface SubscribeOptions {
  /** Messages that wait for who iterates. Default 1,024. */
  readonly maxQueued?: number
  /** Bytes of them. Default 64 MiB. */
  readonly maxQueuedBytes?: number
  /** Which message is lost when nobody takes them in time. Default `drop-oldest`. */
  readonly whenFull?: 'drop-oldest' | 'drop-newest'
}

/**
 * One interest in a topic; the topic is left when the last one is over. Iterating takes messages from then on, and ends with
 * `unsubscribe`.
 */
export interface Subscription extends AsyncIterable<PubSubMessage>, Disposable {
  readonly topic: string
  /** Messages that were lost because nobody took them in time. */
  readonly dropped: number
  /** Idempotent. */
  unsubscribe(): void
  [Symbol.asyncIterator](): AsyncIterator<PubSubMessage, undefined>
}

/** `reject` blames the peer that sent it, `ignore` only keeps the message from going on. */
export type TopicVerdict = 'accept' | 'ignore' | 'reject'

/** Judges a message before it is delivered and sent on. One that throws or takes too long ignores the message. */
export type TopicValidator = (message: PubSubMessage, from: PeerId) => TopicVerdict | Promise<TopicVerdict>

export interface PubSub {
  subscribe(topic: string, handler?: (message: PubSubMessage) => void, options?: SubscribeOptions): Subscription
  /** Ends all subscriptions of the topic. */
  unsubscribe(topic: string): void
  /**
   * Resolves with who it was queued for, when it is. Rejects with ERR_NOT_STARTED, and ERR_MESSAGE_TOO_LARGE when no peer
   * would read it.
   */
  publish(topic: string, data: Uint8Array): Promise<PublishResult>
  /** Peers that subscribed to the topic; all that we exchange messages with when none is given. */
  peers(topic?: string): readonly PeerId[]
  /** Topics that we subscribed to. */
  topics(): readonly string[]
  /** Judges messages of the topic, after all that were added before. Returns its removal. */
  addValidator(topic: string, validator: TopicValidator): () => void
  /** A listener that throws does not disturb the others. */
  addEventListener<K extends keyof PubSubEvents>(type: K, listener: (event: PubSubEvents[K]) => void): void
  removeEventListener<K extends keyof PubSubEvents>(type: K, listener: (event: PubSubEvents[K]) => void): void
}
