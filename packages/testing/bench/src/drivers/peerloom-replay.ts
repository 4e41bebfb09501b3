import { createNode } from '@peerloom/core'
import { GossipsubRouter } from '@peerloom/gossipsub'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import { defineModule } from '@peerloom/interface'
import { type PeerLink, PubSubService } from '@peerloom/pubsub'
import { gossipTopic } from '../gossip-node.ts'
import type { Receiver } from '../replay.ts'

/** The service of a node, with peers that are not there. */
export async function startReceiver(peersCount: number): Promise<Receiver> {
  const pubsub = defineModule({
    name: 'bench/gossipsub',
    create: (context) => new PubSubService(context, (host) => new GossipsubRouter(host))
  })
  const node = await createNode({ services: { pubsub } })
  const service = node.services.pubsub
  let delivered = 0
  service.subscribe(gossipTopic, () => void delivered++)
  const peers = await Promise.all(
    Array.from({ length: peersCount }, async () => {
      const peerId = peerIdFromPrivateKey(await generateKey())
      const handle = { peerId, meshes: new Set<string>(), wake: () => {}, abort: () => {} } as unknown as PeerLink
      const peer = service.router.addPeer({
        id: peerId.toString(),
        handle,
        protocol: '/meshsub/1.2.0',
        outbound: true
      })
      service.receive(peer, { subscriptions: [{ topic: gossipTopic, subscribe: true }] })
      return peer
    })
  )
  return {
    receive(at, rpc) {
      const peer = peers[at] as (typeof peers)[number]
      service.receive(peer, service.decode(rpc))
      for (const { queue } of peers) while (queue.shift() !== undefined);
    },
    delivered: () => delivered,
    stop: () => node.stop()
  }
}
