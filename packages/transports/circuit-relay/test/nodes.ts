import {
  circuitRelay,
  type CircuitRelayOptions,
  circuitRelayServer,
  type CircuitRelayServerOptions
} from '@peerloom/circuit-relay'
import { until } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { type Clock, defineModule, type PeerRouting } from '@peerloom/interface'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { ping } from '@peerloom/ping'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { onTestFinished } from 'vitest'

export const hopProtocol = '/libp2p/circuit/relay/0.2.0/hop'
export const stopProtocol = '/libp2p/circuit/relay/0.2.0/stop'

/** Where the nodes of a test live, and in what time. */
export interface World {
  readonly network?: MemoryNetwork
  readonly clock?: Clock
}

export const memoryWorld = (clock?: Clock): World => ({
  network: new MemoryNetwork(),
  ...(clock === undefined ? {} : { clock })
})

const parts = (world: World) => ({
  connectionEncryption: [noise()],
  streamMuxers: [yamux({ keepAliveMs: 0 })],
  ...(world.clock === undefined ? {} : { clock: world.clock })
})
const link = (world: World) => (world.network === undefined ? tcp() : memory({ network: world.network }))
const anywhere = (world: World): string => (world.network === undefined ? '/ip4/127.0.0.1/tcp/0' : '/memory/0')

export async function relayNode(
  world: World,
  options: CircuitRelayServerOptions = {},
  listen: string = anywhere(world)
) {
  const node = await createNode({
    ...parts(world),
    transports: [link(world)],
    addresses: { listen: [listen] },
    services: { identify: identify(), relay: circuitRelayServer(options) }
  })
  onTestFinished(() => node.stop())
  return node
}
export type RelayNode = Awaited<ReturnType<typeof relayNode>>

/** A node that speaks to relays; without `listen` it listens nowhere. */
export async function clientNode(
  world: World,
  options: {
    readonly listen?: readonly string[]
    readonly relay?: CircuitRelayOptions
    readonly parallel?: number
    readonly routing?: PeerRouting
  } = {}
) {
  const node = await createNode({
    ...parts(world),
    transports: [link(world), circuitRelay(options.relay)],
    addresses: { listen: options.listen ?? [] },
    services: { identify: identify(), ping: ping() },
    peerRouting:
      options.routing === undefined
        ? []
        : [defineModule({ name: 'routing', create: () => options.routing as PeerRouting })],
    ...(options.parallel === undefined ? {} : { dialer: { parallel: options.parallel } })
  })
  onTestFinished(() => node.stop())
  return node
}
export type ClientNode = Awaited<ReturnType<typeof clientNode>>

/** A relay that is itself behind one. */
export async function relayBehind(world: World, relay: RelayNode) {
  const node = await createNode({
    ...parts(world),
    transports: [link(world), circuitRelay()],
    addresses: { listen: [at(relay)] },
    services: { identify: identify(), relay: circuitRelayServer() }
  })
  onTestFinished(() => node.stop())
  return node
}

/** Where to listen at a relay. */
export const at = (relay: RelayNode): string => `${relay.multiaddrs()[0]}/p2p-circuit`

export const relayedAddresses = (node: ClientNode): string[] =>
  node.addresses
    .list()
    .filter(({ source }) => source === 'relayed')
    .map(({ address }) => address.toString())

export async function reserved(node: ClientNode, count = 1): Promise<void> {
  await until(`${count} relayed addresses`, () => relayedAddresses(node).length === count)
}

/** A relay, a target with a reservation there, and a source. */
export async function trio(world: World, options: CircuitRelayServerOptions = {}) {
  const relay = await relayNode(world, options)
  const target = await clientNode(world, { listen: [at(relay)] })
  const source = await clientNode(world)
  await reserved(target)
  return { relay, target, source }
}
