import type { CommandOptions } from './foreign-peer.ts'

/** What a peer is to do with pubsub. What is left out is as the implementation has it, unless said otherwise. */
export interface ForeignPubsubOptions {
  /** Default: gossipsub. */
  readonly router?: 'gossipsub' | 'floodsub'
  /** The three of them together. */
  readonly d?: number
  readonly dLow?: number
  readonly dHigh?: number
  /** Peers outside of the mesh that hear of messages at a heartbeat. */
  readonly dLazy?: number
  readonly heartbeatMs?: number
  /** Own messages go to all subscribers. Default false, so that rows know who has to hear of a message by gossip. */
  readonly floodPublish?: boolean
  /** StrictNoSign instead of StrictSign. Default false. */
  readonly unsigned?: boolean
  /** `author`: raw author, then sequence number, as specified. `data`: hash of the content. `own`: the implementation's. */
  readonly messageId?: 'author' | 'data' | 'own'
  /** Peers are scored, for what they do against the protocol and for invalid messages of this topic. Default: no scores. */
  readonly scoredTopic?: string
  /** Recommend other peers when pruning. Default false. */
  readonly px?: boolean
  readonly idontwantBytes?: number
  /** Partial messages. go-libp2p and rust-libp2p. Default false. */
  readonly partial?: boolean
  readonly pruneBackoffMs?: number
  readonly unsubscribeBackoffMs?: number
  /** go-libp2p only: BasicSeqnoValidator, which ignores messages whose numbers do not rise. Default false. */
  readonly seqnoValidator?: boolean
  /** Messages of others that begin with this text are invalid. Default: all are valid. */
  readonly rejectPrefix?: string
}

/** A message as it was given to the application. */
export interface ForeignMessage {
  readonly id: Uint8Array
  readonly topic: string
  readonly from: string | undefined
  readonly seqno: bigint | undefined
  /** Who passed it on; empty where the implementation does not tell. */
  readonly via: string
  readonly bytes: number
  /** sha256 of the data, in hex. */
  readonly digest: string
}

/** What is counted: ids of `ihave`, `iwant` and `idontwant`, entries of everything else. */
export type RpcKind =
  | 'rpc'
  | 'subscribe'
  | 'unsubscribe'
  | 'publish'
  | 'ihave'
  | 'iwant'
  | 'graft'
  | 'prune'
  | 'idontwant'
  | 'extensions'
  | 'partial'

export type RpcCounts = Readonly<Partial<Record<RpcKind, number>>>

export interface PeerTraffic {
  readonly sent: RpcCounts
  readonly received: RpcCounts
  /** Of the stream to the peer; empty when there was none. */
  readonly protocol: string
  /** What the peer said it can, in the order of arrival. */
  readonly extensions: readonly string[]
  readonly score: number | undefined
}

export interface SeenPrune {
  readonly peer: string
  readonly topic: string
  readonly direction: 'sent' | 'received'
  readonly backoffSeconds: number | undefined
  /** Peers that it recommends, and how many of them come with a signed record. */
  readonly px: number
  readonly records: number
}

/** What went over the wire since the start. */
export interface PubsubTraffic {
  readonly peers: Readonly<Record<string, PeerTraffic>>
  /** How many copies of a message went each way, by the digest of its data. */
  readonly copies: {
    readonly sent: Readonly<Record<string, number>>
    readonly received: Readonly<Record<string, number>>
  }
  readonly prunes: readonly SeenPrune[]
  /** go-libp2p only: messages that were not delivered, by the name that it has for the reason. */
  readonly rejected: Readonly<Record<string, number>>
}

/** What a subscription asks of partial messages. */
export type PartialUse = 'requests' | 'supports'

/** The parts of a message, at most eight. */
export type MessageParts = readonly (Uint8Array | undefined)[]

/** Pubsub of a peer; rejects when the peer was started without it. */
export interface ForeignPubsub {
  subscribe(topic: string, options?: CommandOptions & { readonly partial?: PartialUse }): Promise<void>
  unsubscribe(topic: string, options?: CommandOptions): Promise<void>
  publish(topic: string, data: Uint8Array, options?: CommandOptions): Promise<void>
  /** Those who are known to subscribe. */
  peers(topic: string, options?: CommandOptions): Promise<readonly string[]>
  mesh(topic: string, options?: CommandOptions): Promise<readonly string[]>
  /** Messages of others, in the order of arrival. */
  messages(options?: CommandOptions): Promise<readonly ForeignMessage[]>
  traffic(options?: CommandOptions): Promise<PubsubTraffic>
  /**
   * Adds parts of a message and tells peers which ones are there. The rest goes by itself: whoever gets parts tells which
   * ones it has, and who can sends what the other lacks.
   */
  publishParts(topic: string, group: Uint8Array, parts: MessageParts, options?: CommandOptions): Promise<void>
  parts(topic: string, group: Uint8Array, options?: CommandOptions): Promise<MessageParts>
}
