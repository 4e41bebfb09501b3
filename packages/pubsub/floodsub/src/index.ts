/** FloodSub, `/floodsub/1.0.0`: every message goes to every peer that subscribed. */
import { defineModule, type Module, type PubSub } from '@peerloom/interface'
import { type PubSubOptions, PubSubService } from '@peerloom/pubsub'
import { FloodRouter, type FloodRouterOptions } from './flood-router.ts'

export interface FloodsubOptions extends PubSubOptions, FloodRouterOptions {}

/** rust-libp2p reads no longer RPCs of FloodSub. */
const gatherBytes = 2048

/**
 * Publish and subscribe by flooding: simple, and fit for a handful of peers.
 *
 * ```ts
 * const node = await createNode({ services: { pubsub: floodsub() } })
 * node.services.pubsub.subscribe('topic', (message) => console.log(message.data))
 * ```
 */
export function floodsub(options?: FloodsubOptions): Module<PubSub> {
  const settings = { ...options, links: { gatherBytes, ...options?.links } }
  return defineModule({
    name: '@peerloom/floodsub',
    options,
    create: (node) => new PubSubService(node, (host) => new FloodRouter(host, options), settings)
  })
}

export { FloodRouter } from './flood-router.ts'
export type { FloodRouterOptions } from './flood-router.ts'
