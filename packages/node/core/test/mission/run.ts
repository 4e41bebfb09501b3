// Runs the configuration of the mission, in a network of its own: it looks around there by mDNS. Prints what it saw.
import { createNode } from '@peerloom/core'
import { gossipsub } from '@peerloom/gossipsub'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { configured } from './configuration.ts'
import { builtDhts } from './stand-ins.ts'

const known = await createNode({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncryption: [noise()],
  streamMuxers: [yamux()],
  services: { pubsub: gossipsub() }
})
const heard: number[][] = []
known.services.pubsub.subscribe('my-topic', ({ data }) => heard.push([...data]))
const node = await configured(known.multiaddrs().map(String))
const received: number[][] = []
node.services.pubsub.subscribe('my-topic')
node.services.pubsub.addEventListener('message', (evt) => received.push([...evt.detail.data]))
const deadline = Date.now() + 10_000
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10))
}
await until(() => node.services.pubsub.peers('my-topic').length > 0)
await node.services.pubsub.publish('my-topic', Uint8Array.of(1, 2, 3))
await until(() => heard.length > 0)
const connected = node.connections.list(known.peerId).map(({ security, muxer }) => ({ security, muxer }))
console.log(JSON.stringify({ received, heard, connected, addresses: node.multiaddrs().map(String), dhts: builtDhts() }))
await node.stop()
await known.stop()
