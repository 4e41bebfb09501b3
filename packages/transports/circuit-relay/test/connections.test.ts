import { circuitRelay, circuitRelayServer } from '@peerloom/circuit-relay'
import { testConnections, until } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'

const network = new MemoryNetwork()
const links = [
  { name: 'TCP', link: () => tcp(), listen: '/ip4/127.0.0.1/tcp/0' },
  { name: 'memory', link: () => memory({ network }), listen: '/memory/0' }
]

for (const { name, link, listen } of links) {
  testConnections(`a relay, ${name}`, async () => {
    const modules = { connectionEncryption: [noise()], streamMuxers: [yamux()] }
    const relay = await createNode({
      ...modules,
      transports: [link()],
      addresses: { listen: [listen] },
      services: { relay: circuitRelayServer({ limits: false }) }
    })
    const listener = await createNode({
      ...modules,
      transports: [link(), circuitRelay()],
      addresses: { listen: [`${relay.multiaddrs()[0]}/p2p-circuit`] }
    })
    await until('the reservation', () => listener.multiaddrs().length > 0)
    const dialer = await createNode({ ...modules, transports: [link(), circuitRelay()] })
    const connection = await dialer.dial(listener.multiaddrs())
    return {
      dialer,
      listener: {
        handle: listener.handle.bind(listener),
        // The one to the relay is no part of it.
        connections: { list: () => listener.connections.list().filter((one) => one.transport === 'circuit-relay') }
      },
      connection,
      stop: async () => void (await Promise.all([dialer.stop(), listener.stop(), relay.stop()]))
    }
  })
}
