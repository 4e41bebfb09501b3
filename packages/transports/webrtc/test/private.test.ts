import { testConnections } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { webRTC } from '@peerloom/webrtc'
import { yamux } from '@peerloom/yamux'

/** Any connection will do to talk over: the address names a relay that nobody needs. */
const relay = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQ5pWnLtCuNfTZUjXi14rEdgJuFCrAzAZc6LsXVgQLj3o/p2p-circuit'

testConnections('WebRTC between private peers', async () => {
  const network = new MemoryNetwork()
  const modules = {
    transports: [memory({ network }), webRTC()],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()]
  }
  const listener = await createNode({ ...modules, addresses: { listen: ['/memory/0', '/webrtc'] } })
  const dialer = await createNode(modules)
  const link = await dialer.dial(listener.multiaddrs())
  const connection = await dialer.dial(`${relay}/webrtc/p2p/${listener.peerId}`, { force: true })
  await link.close()
  const isWebRTC = ({ transport }: { readonly transport: string }): boolean => transport === 'webrtc'
  return {
    dialer,
    listener: {
      handle: listener.handle.bind(listener),
      connections: { list: () => listener.connections.list().filter(isWebRTC) }
    },
    connection,
    stop: async () => void (await Promise.all([dialer.stop(), listener.stop()]))
  }
})
