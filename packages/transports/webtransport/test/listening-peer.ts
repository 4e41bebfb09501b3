// The Node side of webtransport.browser.test.ts.
import { servePeer } from '@peerloom/conformance/node-peer'
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
await node.handle('/echo', async (stream) => {
  for await (const bytes of stream) await stream.write(bytes.slice())
  await stream.close()
})
let held = 0
await node.handle('/hold', (stream) =>
  stream.attach({ data: (bytes) => (held += bytes.length), end() {}, closed() {} })
)
await node.handle('/deaf', (stream) => stream.pause())
await node.handle('/refuse', (stream) => stream.abort(new Error('no')))
let resets = 0
await node.handle('/count-resets', (stream) => {
  stream.attach({ data() {}, end() {}, closed: (error) => void (error === undefined ? 0 : resets++) })
  stream.send(Uint8Array.of(1))
})

servePeer(
  { addresses: node.multiaddrs().map(String) },
  {
    connections: () => node.connections.list().length,
    peers: () => node.connections.list().map(({ remotePeer, security }) => [String(remotePeer), security]),
    held: () => held,
    resets: () => resets,
    abort: () => {
      for (const connection of node.connections.list()) connection.abort(new Error('enough'))
    },
    close: async () => void (await Promise.all(node.connections.list().map((connection) => connection.close()))),
    /** Opens a stream on the first connection, and counts what its reader echoes. */
    roundTrip: async (bytes: number) => {
      const stream = await node.connections.list()[0]?.openStream('/echo')
      if (stream === undefined) return 0
      const sending = stream.write(new Uint8Array(bytes)).then(() => stream.closeWrite())
      let got = 0
      for await (const chunk of stream) got += chunk.length
      await sending
      return got
    }
  },
  () => node.stop()
)
