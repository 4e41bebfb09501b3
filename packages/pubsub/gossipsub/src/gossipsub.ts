import { defineModule, type Module, type PubSub } from '@peerloom/interface'
import { type PeerLink, type PubSubOptions, PubSubService, type WireMessage } from '@peerloom/pubsub'
import type { GossipsubRouterOptions } from './options.ts'
import { GossipsubRouter } from './router.ts'

export interface GossipsubOptions extends PubSubOptions, GossipsubRouterOptions<WireMessage, PeerLink> {}

/**
 * Publish and subscribe over meshes of peers, `/meshsub/1.0.0` to `1.3.0`.
 *
 * ```ts
 * const node = await createNode({ services: { identify: identify(), pubsub: gossipsub() } })
 * node.services.pubsub.subscribe('topic', (message) => console.log(message.data))
 * await node.services.pubsub.publish('topic', new TextEncoder().encode('hello'))
 * ```
 */
export function gossipsub(options?: GossipsubOptions): Module<PubSub> {
  return defineModule({
    name: '@peerloom/gossipsub',
    options,
    create: (node) => new PubSubService(node, (host) => new GossipsubRouter(host, options), options)
  })
}
