// The Node side of gossipsub.browser.test.ts: repeats what it hears on another topic.
import { servePeer } from '@peerloom/conformance/node-peer'
import { createNode } from '@peerloom/core'
import { gossipsub } from '@peerloom/gossipsub'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { webSockets } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'

const node = await createNode({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0/ws'] },
  transports: [webSockets()],
  connectionEncryption: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify(), pubsub: gossipsub() }
})
const { pubsub } = node.services
pubsub.subscribe('words', ({ data }) => void pubsub.publish('echoes', data))

servePeer({ addresses: node.multiaddrs().map(String) }, { peers: (topic: string) => pubsub.peers(topic).length }, () =>
  node.stop()
)
