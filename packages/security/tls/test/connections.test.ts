import { testConnections } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { tcp } from '@peerloom/tcp'
import { tls } from '@peerloom/tls'
import { yamux } from '@peerloom/yamux'

testConnections('TCP and TLS', async () => {
  const modules = { transports: [tcp()], connectionEncryption: [tls()], streamMuxers: [yamux()] }
  const listener = await createNode({ ...modules, addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] } })
  const dialer = await createNode(modules)
  const connection = await dialer.dial(listener.multiaddrs())
  return {
    dialer,
    listener,
    connection,
    stop: async () => void (await Promise.all([dialer.stop(), listener.stop()]))
  }
})
