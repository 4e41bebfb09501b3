import type { Message, MessageId } from './message.ts'

/** Subscribes to a topic, or leaves it. */
export interface SubscriptionChange {
  readonly topic: string
  readonly subscribe: boolean
  /** Wants parts of messages rather than whole ones (partial messages). Implies `supportsPartial`. */
  readonly requestsPartial?: boolean
  /** Can send parts of messages (partial messages). */
  readonly supportsPartial?: boolean
}

/** "I have these messages." */
export interface IHave {
  readonly topic: string
  readonly ids: readonly MessageId[]
}

/** A peer that who prunes recommends. */
export interface PeerExchange {
  /** The multihash. */
  readonly peerId: Uint8Array
  /** A signed envelope with its peer record. */
  readonly signedPeerRecord?: Uint8Array
}

export interface Prune {
  readonly topic: string
  readonly peers?: readonly PeerExchange[]
  /** Not to be grafted again before this many seconds have passed. Not range-checked. */
  readonly backoffSeconds?: number
}

/** What the sender can do beyond GossipSub 1.2 (1.3). Sent once, in the first RPC of a stream. */
export interface Extensions {
  readonly partialMessages?: boolean
  readonly testExtension?: boolean
}

export interface Control {
  readonly ihave?: readonly IHave[] | undefined
  /** Every list is an IWANT of its own on the wire. */
  readonly iwant?: readonly (readonly MessageId[])[] | undefined
  /** Topics. */
  readonly graft?: readonly string[] | undefined
  readonly prune?: readonly Prune[] | undefined
  readonly idontwant?: readonly (readonly MessageId[])[] | undefined
  readonly extensions?: Extensions | undefined
}

/** A part of a message, and which parts the sender has (partial messages extension). */
export interface PartialMessage {
  readonly topic: string
  readonly groupId: Uint8Array
  readonly part?: Uint8Array
  readonly partsMetadata?: Uint8Array
}

/** One unit of what peers tell each other. In a simulation it goes from router to router as it is. */
export interface Rpc<M extends Message = Message> {
  readonly subscriptions?: readonly SubscriptionChange[] | undefined
  readonly publish?: readonly M[] | undefined
  readonly control?: Control | undefined
  readonly partial?: PartialMessage | undefined
  /** The test extension's message, which has no content. */
  readonly testExtension?: boolean | undefined
}
