// The Node side of direct.browser.test.ts and crowd.browser.test.ts.
import { servePeer } from '@peerloom/conformance/node-peer'
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
await node.handle(
  '/echo/1',
  async (stream) => {
    for await (const bytes of stream) await stream.write(bytes)
    await stream.close()
  },
  { allowLimited: true }
)
await node.handle('/deaf/1', (stream) => stream.pause())
let held = 0
await node.handle('/hold/1', (stream) =>
  stream.attach({ data: (bytes) => void (held += bytes.length), end() {}, closed() {} })
)

servePeer(
  { addresses: node.multiaddrs().map(String), peer: String(node.peerId) },
  {
    snapshot: () => {
      const { counts, limits } = node.inspect()
      return { counts, limits }
    },
    connections: () => node.connections.list().map(({ transport }) => transport),
    held: () => held,
    abort: () => {
      for (const connection of node.connections.list()) connection.abort(new Error('enough'))
    },
    /** Opens a stream on the last connection and counts what comes back. */
    roundTrip: async (bytes: number) => {
      const stream = await node.connections.list().at(-1)?.openStream('/echo/1')
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
