import { circuitRelay } from '@peerloom/circuit-relay'
import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { webRTC } from '@peerloom/webrtc'
import { webSockets } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'

/** What a page has: it dials relays by WebSockets and peers by WebRTC, and is dialled at the relay if one is named. It echoes. */
export async function pageNode(relay?: string) {
  const node = await createNode({
    transports: [webSockets(), circuitRelay(), webRTC()],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
    addresses: { listen: relay === undefined ? [] : [`${relay}/p2p-circuit`, '/webrtc'] }
  })
  await node.handle('/echo/1', (stream) => stream.sink(stream))
  return node
}

/** Its address by WebRTC, once the relay has let it in. */
export function privateAddress(node: Awaited<ReturnType<typeof pageNode>>): Promise<string> {
  return new Promise((resolve) => {
    node.events.on('addresses', () => {
      const own = node
        .multiaddrs()
        .map(String)
        .find((address) => address.includes('/p2p-circuit/webrtc'))
      if (own !== undefined) resolve(own)
    })
  })
}
