// The Node side of relay.browser.test.ts: a relay, and a peer that listens there.
import { circuitRelay, circuitRelayServer } from '@peerloom/circuit-relay'
import { servePeer } from '@peerloom/conformance/node-peer'
import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { webSockets } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'

const secure = { connectionEncryption: [noise()], streamMuxers: [yamux()] }
const relay = await createNode({
  ...secure,
  transports: [webSockets()],
  services: { identify: identify(), relay: circuitRelayServer() },
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0/ws'] }
})
const relayAddress = String(relay.multiaddrs()[0])
const target = await createNode({
  ...secure,
  transports: [webSockets(), circuitRelay()],
  services: { identify: identify() },
  addresses: { listen: [`${relayAddress}/p2p-circuit`] }
})
await target.handle('/echo/1', (stream) => stream.sink(stream), { allowLimited: true })
const address = await new Promise<string>((resolve) => {
  target.events.on('addresses', () => {
    const own = target.multiaddrs().map(String)[0]
    if (own !== undefined) resolve(own)
  })
})

servePeer(
  { relay: relayAddress, target: address },
  {
    stopRelay: () => relay.stop(),
    /** Dials, has so many bytes echoed, and counts what comes back. */
    echo: async (where: string, bytes: number) => {
      const connection = await target.dial(where)
      const stream = await connection.openStream('/echo/1', { allowLimited: true })
      const sending = stream.write(new Uint8Array(bytes)).then(() => stream.closeWrite())
      let got = 0
      for await (const chunk of stream) got += chunk.length
      await sending
      await connection.close()
      return got
    }
  },
  async () => void (await Promise.all([target.stop(), relay.stop()]))
)
