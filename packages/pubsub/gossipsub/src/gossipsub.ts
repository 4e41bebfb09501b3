import { defineModule, type Module, type PeerId, type PublishResult, type PubSub } from '@peerloom/interface'
import { type PeerLink, type PubSubOptions, PubSubService, type WireMessage } from '@peerloom/pubsub'
import type { PartialContent } from './extensions/partial.ts'
import type { GossipsubRouterOptions } from './options.ts'
import type { PeerState } from './peer.ts'
import { GossipsubRouter } from './router.ts'

export interface GossipsubOptions extends PubSubOptions, GossipsubRouterOptions<WireMessage, PeerLink> {}

/** What an application can do with GossipSub beyond any pubsub. */
export interface Gossipsub extends PubSub {
  /** Peers that messages of the topic are exchanged with at once. */
  mesh(topic: string): readonly PeerId[]
  /**
   * Tells peers what is new of a message that travels in parts, and sends them those that they lack. Throws
   * ERR_INVALID_ARGUMENT without `partialMessages`.
   */
  publishPartial(topic: string, groupId: Uint8Array, content: PartialContent<WireMessage, PeerLink>): PublishResult
}

const idsOf = (peers: readonly PeerState<WireMessage, PeerLink>[]): PeerId[] => peers.map(({ handle }) => handle.peerId)

/**
 * Publish and subscribe over meshes of peers, `/meshsub/1.0.0` to `1.3.0`.
 *
 * ```ts
 * const node = await createNode({ services: { identify: identify(), pubsub: gossipsub() } })
 * node.services.pubsub.subscribe('topic', (message) => console.log(message.data))
 * await node.services.pubsub.publish('topic', new TextEncoder().encode('hello'))
 * ```
 */
export function gossipsub(options?: GossipsubOptions): Module<Gossipsub> {
  return defineModule({
    name: '@peerloom/gossipsub',
    options,
    create: (node) => {
      const service = new PubSubService(node, (host) => new GossipsubRouter(host, options), options)
      return Object.assign(service, {
        mesh: (topic: string) => idsOf(service.router.meshPeers(topic)),
        publishPartial: (...content: Parameters<Gossipsub['publishPartial']>) => {
          let reached: PeerState<WireMessage, PeerLink>[] = []
          service.run(() => (reached = service.router.publishPartial(...content)))
          return { recipients: idsOf(reached) }
        }
      })
    }
  })
}
