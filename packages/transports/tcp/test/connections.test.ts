import { testConnections } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'

for (const ip of ['/ip4/127.0.0.1', '/ip6/::1']) {
  testConnections(`TCP, ${ip}`, async () => {
    const modules = { transports: [tcp()], connectionEncryption: [noise()], streamMuxers: [yamux()] }
    const listener = await createNode({ ...modules, addresses: { listen: [`${ip}/tcp/0`] } })
    const dialer = await createNode(modules)
    const connection = await dialer.dial(listener.multiaddrs())
    return {
      dialer,
      listener,
      connection,
      stop: async () => void (await Promise.all([dialer.stop(), listener.stop()]))
    }
  })
}
