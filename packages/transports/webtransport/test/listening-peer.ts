// The Node side of webtransport.browser.test.ts and js-libp2p.browser.test.ts.
import { serveNode } from '@peerloom/conformance/served-node'
import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { ping } from '@peerloom/ping'
import { webTransport } from '@peerloom/webtransport'

const node = await createNode({
  addresses: { listen: ['/ip4/127.0.0.1/udp/0/quic-v1/webtransport', '/ip6/::1/udp/0/quic-v1/webtransport'] },
  transports: [webTransport()],
  connectionEncryption: [noise()],
  services: { identify: identify(), ping: ping() }
})
await node.handle('/refuse', (stream) => stream.abort(new Error('no')))
let resets = 0
await node.handle('/count-resets', (stream) => {
  stream.attach({ data() {}, end() {}, closed: (error) => void (error === undefined ? 0 : resets++) })
  stream.send(Uint8Array.of(1))
})

await serveNode(node, {
  peers: () => node.connections.list().map(({ remotePeer, security }) => [String(remotePeer), security]),
  resets: () => resets,
  close: async () => void (await Promise.all(node.connections.list().map((connection) => connection.close())))
})
