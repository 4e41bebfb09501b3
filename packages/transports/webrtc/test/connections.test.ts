import { testConnections } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { noise } from '@peerloom/noise'
import { webRTCDirect } from '@peerloom/webrtc'

for (const version of [1, 2] as const) {
  for (const ip of ['/ip4/127.0.0.1', '/ip6/::1']) {
    testConnections(`WebRTC Direct v${version}, ${ip}`, async () => {
      const modules = { transports: [webRTCDirect({ versions: [version] })], connectionEncryption: [noise()] }
      const listener = await createNode({ ...modules, addresses: { listen: [`${ip}/udp/0/webrtc-direct`] } })
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
}
