// The configuration that the mission is written for: it must run as it stands, with nothing changed but the imports.
// Modules that do not exist yet are stand-ins with the types that theirs will have; replace each when its package lands.
import { createNode, type Node, type NodeOptions } from '@peerloom/core'
import {
  type ContentRouting,
  contentRoutingCapability,
  defineModule,
  type Module,
  type PeerDiscovery,
  peerDiscoveryCapability,
  type PeerRouting,
  peerRoutingCapability,
  type PubSub,
  type PubSubMessage,
  type SecureTransport,
  type StreamMuxerFactory,
  type Transport
} from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { expect, expectTypeOf, onTestFinished, test } from 'vitest'

type Dht = PeerDiscovery & PeerRouting & ContentRouting

const later = (): never => {
  throw new Error('a stand-in')
}

const standInTransport = (name: string): Module<Transport> =>
  defineModule({
    name: `stand-in/${name}`,
    create: () => ({ name, canDial: () => false, canListen: () => false, dial: later, createListener: later })
  })
const webSockets = (): Module<Transport> => standInTransport('websockets')
const webRTC = (): Module<Transport> => standInTransport('webrtc')

const tls = (): Module<SecureTransport> =>
  defineModule({ name: 'stand-in/tls', create: () => ({ protocol: '/tls/1.0.0', secure: later }) })

const mplex = (): Module<StreamMuxerFactory> =>
  defineModule({ name: 'stand-in/mplex', create: () => ({ protocol: '/mplex/6.7.0', create: later }) })

const standInDiscovery = (name: string, options?: object): Module<PeerDiscovery> =>
  defineModule({
    name: `stand-in/${name}`,
    options,
    provides: [peerDiscoveryCapability],
    create: () => ({ onPeer: undefined, start: () => {}, stop: () => {} })
  })
const mdns = (): Module<PeerDiscovery> => standInDiscovery('mdns')
const bootstrap = (options: { readonly list: readonly string[] }): Module<PeerDiscovery> =>
  standInDiscovery('bootstrap', options)

let dhts = 0
const kadDHT = (): Module<Dht> =>
  defineModule({
    name: 'stand-in/kad-dht',
    provides: [peerDiscoveryCapability, peerRoutingCapability, contentRoutingCapability],
    create: () => {
      dhts++
      return {
        onPeer: undefined,
        start: () => {},
        stop: () => {},
        findPeer: later,
        closestPeers: later,
        provide: later,
        findProviders: later,
        put: later,
        get: later
      }
    }
  })

/** A pubsub of one: it delivers its own messages. */
const gossipsub = (): Module<PubSub> =>
  defineModule({
    name: 'stand-in/gossipsub',
    create: (node) => {
      const target = new EventTarget()
      const topics = new Set<string>()
      return {
        subscribe: (topic) => void topics.add(topic),
        unsubscribe: (topic) => void topics.delete(topic),
        peers: () => [],
        publish: async (topic, data) => {
          const detail: PubSubMessage = { topic, data, from: node.peerId, seqno: undefined, id: new Uint8Array(0) }
          if (topics.has(topic)) target.dispatchEvent(new CustomEvent('message', { detail }))
          return { recipients: [] }
        },
        addEventListener: (type, listener) => target.addEventListener(type, listener as EventListener),
        removeEventListener: (type, listener) => target.removeEventListener(type, listener as EventListener)
      }
    }
  })

async function configured(list: readonly string[] = []) {
  const node = await createNode({
    addresses: { listen: ['/ip4/0.0.0.0/tcp/0'] },
    transports: [tcp(), webSockets(), webRTC()],
    connectionEncryption: [noise(), tls()],
    streamMuxers: [yamux(), mplex()],
    peerDiscovery: [mdns(), bootstrap({ list }), kadDHT()],
    services: { pubsub: gossipsub(), dht: kadDHT() }
  })
  onTestFinished(() => node.stop())
  await node.start()
  return node
}

test('the configuration of the mission runs as it stands', async () => {
  dhts = 0
  const node = await configured()
  const received: Uint8Array[] = []
  node.services.pubsub.subscribe('my-topic')
  node.services.pubsub.addEventListener('message', (evt) => received.push(evt.detail.data))
  await node.services.pubsub.publish('my-topic', Uint8Array.of(1, 2, 3))
  expect(received).toEqual([Uint8Array.of(1, 2, 3)])
  expect(node.multiaddrs().length).toBeGreaterThan(0)
  expect(dhts, 'the module that is named twice is built once').toBe(1)
})

// What follows is judged by the compiler, in `pnpm check`.

test('services have the types of their modules, and no others are there', () => {
  type Configured = Awaited<ReturnType<typeof configured>>
  expectTypeOf<Configured>().toEqualTypeOf<Node<{ readonly pubsub: PubSub; readonly dht: Dht }>>()
  expectTypeOf<Configured['services']['pubsub']>().toEqualTypeOf<PubSub>()
  expectTypeOf<Configured['services']['dht']>().toEqualTypeOf<Dht>()
  expectTypeOf<Configured['services']>().not.toHaveProperty('ping')
})

test('the option names are fixed', () => {
  expectTypeOf<NodeOptions>().toHaveProperty('addresses')
  expectTypeOf<NonNullable<NodeOptions['addresses']>>().toHaveProperty('listen')
  expectTypeOf<NodeOptions>().toHaveProperty('transports')
  expectTypeOf<NodeOptions>().toHaveProperty('connectionEncryption')
  expectTypeOf<NodeOptions>().toHaveProperty('streamMuxers')
  expectTypeOf<NodeOptions>().toHaveProperty('peerDiscovery')
  expectTypeOf<NodeOptions>().toHaveProperty('services')
})

test('a module in the wrong list, or a name that is none, does not type-check', () => {
  const wrong = [
    // @ts-expect-error a muxer is no transport
    (): unknown => createNode({ start: false, transports: [yamux()] }),
    // @ts-expect-error the name is connectionEncryption
    (): unknown => createNode({ start: false, connectionEncrypters: [noise()] }),
    // @ts-expect-error services are modules
    (): unknown => createNode({ start: false, services: { pubsub: {} } })
  ]
  expect(wrong).toHaveLength(3)
})
