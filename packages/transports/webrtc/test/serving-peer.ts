// The Node side of direct.browser.test.ts and crowd.browser.test.ts.
import { serveNode } from '@peerloom/conformance/served-node'
import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { webRTC, webRTCDirect } from '@peerloom/webrtc'

const node = await createNode({
  transports: [webRTCDirect(), webRTC()],
  connectionEncryption: [noise()],
  services: { identify: identify() },
  addresses: { listen: ['/ip4/127.0.0.1/udp/0/webrtc-direct', '/webrtc'] }
})
await serveNode(node, {
  snapshot: () => {
    const { counts, limits } = node.inspect()
    return { counts, limits }
  },
  transports: () => node.connections.list().map(({ transport }) => transport)
})
