import type { Message } from '@peerloom/pubsub'
import { Crowd } from './crowd.ts'
import type { Cached } from './message-cache.ts'
import type { PeerState } from './peer.ts'
import type { TopicScoreSettings } from './score/score-options.ts'

/** What we want of a topic beyond whole messages (partial messages). */
export interface PartialWish {
  /** Parts rather than whole messages. Implies `supports`. */
  readonly requests?: boolean
  /** We can send parts. */
  readonly supports?: boolean
}

/**
 * A topic that is ours: one that we subscribed to, or published to lately. Topics of others have no record: what peers
 * subscribe to is in theirs.
 */
export class Topic<M extends Message = Message, Handle = unknown> {
  readonly name: string
  isSubscribed = false
  wish: PartialWish = {}
  readonly #peers = new Crowd<PeerState<M, Handle>>()
  /** Those that messages are exchanged with at once. Empty unless we subscribed. */
  readonly mesh: Set<PeerState<M, Handle>> = new Set()
  /** Those that we publish through while we are not subscribed. */
  readonly fanout: Set<PeerState<M, Handle>> = new Set()
  publishedAt: number = Number.NEGATIVE_INFINITY
  /** Messages of the last heartbeats, the newest heartbeat first. */
  readonly history: Cached<M>[][] = [[]]
  readonly score: TopicScoreSettings | undefined

  /** Of its peers, those that can be in no mesh: direct ones, and those that speak FloodSub. */
  others = 0

  /** A number of its own, for what topics take turns at. */
  readonly turn: number

  constructor(name: string, score: TopicScoreSettings | undefined, turn = 0) {
    this.name = name
    this.turn = turn
    this.score = score
  }

  /** All peers that subscribed. */
  get peers(): Omit<Crowd<PeerState<M, Handle>>, 'add' | 'delete'> {
    return this.#peers
  }

  /** Whoever asks for parts gets parts, and nothing whole. */
  get sendsParts(): boolean {
    return this.wish.supports === true || this.wish.requests === true
  }

  add(peer: PeerState<M, Handle>): void {
    if (!this.#peers.add(peer)) return
    if (!peer.isMeshable) this.others++
  }

  delete(peer: PeerState<M, Handle>): void {
    if (!this.#peers.delete(peer)) return
    if (!peer.isMeshable) this.others--
    this.fanout.delete(peer)
  }
}
