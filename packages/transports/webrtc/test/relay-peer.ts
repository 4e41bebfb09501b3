// The Node side of private.browser.test.ts: a relay, and a private peer that listens there.
import { circuitRelayServer } from '@peerloom/circuit-relay'
import { servePeer } from '@peerloom/conformance/node-peer'
import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { webSockets } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'
import { pageNode, privateAddress } from './page-node.ts'

const relay = await createNode({
  transports: [webSockets()],
  connectionEncryption: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify(), relay: circuitRelayServer() },
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0/ws'] }
})
const peer = await pageNode(String(relay.multiaddrs()[0]))

servePeer(
  { relay: String(relay.multiaddrs()[0]), peer: await privateAddress(peer) },
  {
    stopRelay: () => relay.stop(),
    transports: () => peer.connections.list().map(({ transport }) => transport),
    /** Dials, has so many bytes echoed, and counts what comes back. */
    echo: async (target: string, bytes: number) => {
      const connection = await peer.dial(target)
      const stream = await connection.openStream('/echo/1')
      const sending = stream.write(new Uint8Array(bytes)).then(() => stream.closeWrite())
      let got = 0
      for await (const chunk of stream) got += chunk.length
      await sending
      return [connection.transport, got]
    }
  },
  async () => void (await Promise.all([peer.stop(), relay.stop()]))
)
