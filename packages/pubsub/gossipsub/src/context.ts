import type { Message, RouterHost } from '@peerloom/pubsub'
import type { Backoffs } from './backoff.ts'
import type { MessageCache } from './message-cache.ts'
import type { Settings } from './options.ts'
import type { Outbox } from './outbox.ts'
import type { PeerState } from './peer.ts'
import type { Scores } from './score/scores.ts'
import type { Seen } from './seen.ts'
import type { Topic } from './topic.ts'

/** What the parts of a router share. */
export interface Context<M extends Message, Handle> {
  readonly host: RouterHost<M, Handle>
  readonly settings: Settings<M, Handle>
  readonly peers: Map<string, PeerState<M, Handle>>
  /** Those that are ours. */
  readonly topics: Map<string, Topic<M, Handle>>
  readonly scores: Scores
  readonly backoffs: Backoffs
  readonly seen: Seen<M, Handle>
  readonly cache: MessageCache<M, Handle>
  readonly outbox: Outbox<M, Handle>
  readonly random: () => number
  /** Heartbeats so far. */
  tick: number
}
