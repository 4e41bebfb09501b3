// A node put together module by module, with a module of our own. Run with: node src/main.ts
import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { defineModule, identifyCapability, type Module, type PeerId } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { ping } from '@peerloom/ping'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'

interface Greeter {
  readonly met: ReadonlyMap<string, string>
}

/** Remembers the agent of every peer. It needs identify, and a node without it fails at construction. */
function greeter(): Module<Greeter> {
  return defineModule({
    name: 'example/greeter',
    needs: [identifyCapability],
    create(node) {
      const met = new Map<string, string>()
      const identifier = node.capability(identifyCapability)
      node.events.on('connection:open', (connection) => {
        identifier.identify(connection).then(
          (known) => met.set(known.peerId.toString(), known.agentVersion ?? 'unknown'),
          (error: unknown) => node.log('greeter').debug('nobody to greet', error)
        )
      })
      return { met }
    }
  })
}

const compose = (agentVersion: string) =>
  createNode({
    agentVersion,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp({ backlog: 128 })],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), ping: ping(), greeter: greeter() },
    limits: { system: { connectionsInbound: 100 } },
    connectionManager: { highWater: 80, lowWater: 60 }
  })

const one = await compose('example/one')
const two = await compose('example/two')

const metBy = (node: typeof one, peer: PeerId): Promise<string> =>
  new Promise((resolve) => {
    const look = (): void => {
      const agent = node.services.greeter.met.get(peer.toString())
      if (agent === undefined) setTimeout(look, 10)
      else resolve(agent)
    }
    look()
  })

const connection = await one.dial(two.multiaddrs())
console.log(`round trip ${(await one.services.ping.ping(connection)).toFixed(2)} ms`)
console.log(`one met ${await metBy(one, two.peerId)}`)
console.log(`two met ${await metBy(two, one.peerId)}`)
const { connections, limits } = one.inspect()
console.log(
  `${connections.length} connection by ${connections[0]?.security}, ${limits.system.streamsOutbound} streams open`
)

await one.stop()
await two.stop()
