// The configuration that the mission is written for: it must run as it stands, with nothing changed but the imports.
import { bootstrap } from '@peerloom/bootstrap'
import { createNode } from '@peerloom/core'
import { gossipsub } from '@peerloom/gossipsub'
import { mdns } from '@peerloom/mdns'
import { mplex } from '@peerloom/mplex'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { tls } from '@peerloom/tls'
import { webRTC } from '@peerloom/webrtc'
import { webSockets } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'
import { kadDHT } from './stand-ins.ts'

export async function configured(list: readonly string[] = []) {
  const node = await createNode({
    addresses: { listen: ['/ip4/0.0.0.0/tcp/0'] },
    transports: [tcp(), webSockets(), webRTC()],
    connectionEncryption: [noise(), tls()],
    streamMuxers: [yamux(), mplex()],
    peerDiscovery: [mdns(), bootstrap({ list }), kadDHT()],
    services: { pubsub: gossipsub(), dht: kadDHT() }
  })
  await node.start()
  return node
}
