// The Node side of websockets.browser.test.ts.
import { servePeer } from '@peerloom/conformance/node-peer'
import { wsNode } from './nodes.ts'

const node = await wsNode(['/ip4/127.0.0.1/tcp/0/ws', '/ip6/::1/tcp/0/ws', '/ip4/127.0.0.1/tcp/0/ws/http-path/a%2Fb'])
await node.handle('/echo', async (stream) => {
  for await (const bytes of stream) await stream.write(bytes.slice())
  await stream.close()
})
let held = 0
await node.handle('/hold', (stream) =>
  stream.attach({ data: (bytes) => (held += bytes.length), end() {}, closed() {} })
)
await node.handle('/deaf', (stream) => stream.pause())

servePeer(
  { addresses: node.multiaddrs().map(String) },
  {
    connections: () => node.connections.list().length,
    held: () => held,
    abort: () => {
      for (const connection of node.connections.list()) connection.abort(new Error('enough'))
    },
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
