import { createNode } from '@peerloom/core'
import { gossipsub, type GossipsubSnapshot } from '@peerloom/gossipsub'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { gossipTopic, type StartGossip } from '../gossip-node.ts'

export const startGossip: StartGossip = async (onMessage) => {
  const node = await createNode({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), pubsub: gossipsub({ emitSelf: false }) }
  })
  const { pubsub } = node.services
  pubsub.subscribe(gossipTopic, ({ data }) => onMessage(data))
  return {
    addresses: node.multiaddrs().map(String),
    dial: async (addresses) => void (await node.dial(addresses[0] as string)),
    meshSize: () => {
      const { router } = node.inspect().services['pubsub'] as { router: GossipsubSnapshot }
      return router.topics[0]?.mesh.length ?? 0
    },
    publish: async (data) => void (await pubsub.publish(gossipTopic, data)),
    stop: () => node.stop()
  }
}
