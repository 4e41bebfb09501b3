/** GossipSub 1.0 to 1.3: who gets which message, from whom. */
import type { Message, RouterHost } from '@peerloom/pubsub'
import type { GossipsubRouterOptions } from './options.ts'
import { GossipsubRouter } from './router.ts'

export type { PartialApplication, PartialContent } from './extensions/partial.ts'
export type { GaterOptions } from './gater.ts'
export type { GossipsubSnapshot } from './inspect.ts'
export type { GossipsubRouterOptions, MeshDegrees } from './options.ts'
export type { PeerState } from './peer.ts'
export { gossipsub } from './gossipsub.ts'
export type { Gossipsub, GossipsubOptions } from './gossipsub.ts'
export { gossipsubProtocols } from './protocols.ts'
export { GossipsubRouter } from './router.ts'
export { decayIn } from './score/score-options.ts'
export type { ScoreOptions, ScoreThresholds, TopicScoreOptions } from './score/score-options.ts'
export type { PartialWish } from './topic.ts'

/**
 * The router alone, without streams: for a host that brings its own way of carrying RPCs, as a simulation does.
 *
 * ```ts
 * const router = gossipsubRouter(host, { degrees: { target: 8, low: 6, high: 12 } })
 * router.subscribe('blocks')
 * ```
 */
export function gossipsubRouter<M extends Message, Handle>(
  host: RouterHost<M, Handle>,
  options?: GossipsubRouterOptions<M, Handle>
): GossipsubRouter<M, Handle> {
  return new GossipsubRouter(host, options)
}
