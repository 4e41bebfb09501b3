import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { gossipTopic, type StartGossip } from '../gossip-node.ts'

export const startGossip: StartGossip = async (onMessage) => {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 1000, maxIncomingPendingConnections: 1000 },
    services: { identify: identify(), pubsub: gossipsub({ allowPublishToZeroTopicPeers: true }) }
  })
  // Its type does not show the method.
  const pubsub = node.services.pubsub as typeof node.services.pubsub & { getMeshPeers(topic: string): string[] }
  pubsub.addEventListener('message', ({ detail }) => onMessage(detail.data))
  pubsub.subscribe(gossipTopic)
  return {
    addresses: node.getMultiaddrs().map(String),
    dial: async (addresses) => void (await node.dial(multiaddr(addresses[0] as string))),
    meshSize: () => pubsub.getMeshPeers(gossipTopic).length,
    publish: async (data) => void (await pubsub.publish(gossipTopic, data)),
    stop: async () => node.stop()
  }
}
