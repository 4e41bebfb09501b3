import { testConnections } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { mplex } from '@peerloom/mplex'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'

testConnections('TCP, Noise and mplex', async () => {
  const modules = { transports: [tcp()], connectionEncryption: [noise()], streamMuxers: [mplex()] }
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
