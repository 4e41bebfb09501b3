import { isMultiaddr, multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import {
  type FoundPeer,
  identityKeyCapability,
  type Module,
  type NodeContext,
  PeerloomError,
  type NodeEvents,
  type PrivateKey,
  systemClock,
  systemRandom
} from '@peerloom/interface'
import { createPeerStore } from '@peerloom/peer-store'
import type { Datastore } from 'interface-datastore'
import { AddressManager } from './address-manager.ts'
import { DialBackoff } from './backoff.ts'
import { BlackHoleDetector } from './black-hole.ts'
import { ConnectionManager, defaultConnectionManagerOptions } from './connection-manager.ts'
import { defaultDialerOptions, Dialer } from './dialer.ts'
import { EventBus } from './events.ts'
import { InboundGuard } from './inbound-guard.ts'
import { LimitsTree, resolveLimits } from './limits.ts'
import { Listeners } from './listeners.ts'
import { consoleLog } from './log.ts'
import { noMetrics } from './metrics.ts'
import { ModuleSet } from './modules.ts'
import { type Node, PeerloomNode } from './node.ts'
import type { NodeOptions, ServiceModules, Services } from './options.ts'
import { ProtocolRegistry } from './protocol-registry.ts'
import type { Dns } from './resolver.ts'
import { Routers } from './routing.ts'
import { ConnectionUpgrader } from './upgrader.ts'
import { version } from './version.ts'

const defaultAutoDialBelow = 50
const defaultUpgradeTimeoutMs = 15_000

/** Loaded with the first datastore: a node without one needs no storage of keys. */
const keptKey = async (datastore: Datastore): Promise<PrivateKey> =>
  (await import('@peerloom/identity/stored-key')).loadOrCreateKey(datastore)

const toMultiaddrs = (list: readonly (string | Multiaddr)[] = []): Multiaddr[] =>
  list.map((entry) => (isMultiaddr(entry) ? entry : multiaddr(entry)))

/** What the runtime gives where the options say nothing. */
export interface RuntimeDefaults {
  readonly dns: Dns
  /** Whether the environment forbids nodes outside a private network. Default false. */
  readonly forcePrivateNetwork?: boolean
}

/**
 * Makes a node of modules: what `createNode()` of a runtime is.
 *
 * ```ts
 * const node = await createNode({
 *   addresses: { listen: ['/ip4/0.0.0.0/tcp/0'] },
 *   transports: [tcp()],
 *   connectionEncryption: [noise()],
 *   streamMuxers: [yamux()],
 *   services: { ping: ping() }
 * })
 * ```
 *
 * Rejects with ERR_INVALID_ARGUMENT, ERR_MISSING_MODULE, ERR_MODULE_CONFLICT and, when it starts at once, ERR_LISTEN.
 */
export async function createNodeFor<const S extends ServiceModules>(
  runtime: RuntimeDefaults,
  options: NodeOptions<S>
): Promise<Node<Services<S>>> {
  const {
    clock = systemClock,
    random = systemRandom,
    log = consoleLog(),
    metrics = noMetrics,
    connectionGater: gater = {},
    datastore,
    agentVersion = `peerloom/${version}`
  } = options
  const privateKey = options.privateKey ?? (datastore === undefined ? await generateKey() : await keptKey(datastore))
  const peerId = peerIdFromPrivateKey(privateKey)

  const events = new EventBus<NodeEvents>(log('events'))
  const limits = new LimitsTree(resolveLimits(options.limits))
  const protocols = new ProtocolRegistry(events, log('protocols'))
  const peers = createPeerStore({
    ...options.peerStore,
    self: peerId,
    clock,
    ...(datastore === undefined ? {} : { datastore })
  })
  const connections = new ConnectionManager({
    clock,
    events,
    peers,
    log: log('connections'),
    dialer: () => dialer,
    options: { ...defaultConnectionManagerOptions, ...options.connectionManager }
  })
  protocols.connectedPeers(function* () {
    for (const [peer, connection] of connections.peers()) yield [peer, connection, peers.get(peer)?.protocols ?? []]
  })
  const addresses = new AddressManager({
    privateKey,
    clock,
    events,
    listening: () => listeners.addresses(),
    announce: toMultiaddrs(options.addresses?.announce),
    appendAnnounce: toMultiaddrs(options.addresses?.appendAnnounce),
    filter: options.addresses?.announceFilter ?? (() => true)
  })

  const context: NodeContext = {
    peerId,
    publicKey: privateKey.publicKey,
    sign: (data) => privateKey.sign(data),
    agentVersion,
    get privateNetwork() {
      return protector?.fingerprint
    },
    peers,
    connections,
    protocols,
    addresses,
    get routing() {
      return routing
    },
    limits: limits.system,
    events,
    storage: datastore,
    clock,
    random,
    log,
    metrics,
    capability: () => {
      throw new TypeError('replaced for each module')
    }
  }
  const serviceModules: ServiceModules = options.services ?? {}
  const lists = {
    transports: options.transports ?? [],
    security: options.connectionEncryption ?? [],
    muxers: options.streamMuxers ?? [],
    discovery: options.peerDiscovery ?? [],
    peerRouting: options.peerRouting ?? [],
    contentRouting: options.contentRouting ?? []
  }
  const everything: Module<unknown>[] = [...Object.values(serviceModules), ...Object.values(lists).flat()]
  const modules = new ModuleSet(everything, context, new Map([[identityKeyCapability.name, privateKey]]))
  const protector = options.connectionProtector === undefined ? undefined : modules.build(options.connectionProtector)
  if (protector === undefined && runtime.forcePrivateNetwork === true) {
    const hint = "import { preSharedKey } from '@peerloom/pnet'"
    throw new PeerloomError('ERR_MISSING_MODULE', `LIBP2P_FORCE_PNET is set, but no connectionProtector is: ${hint}`)
  }
  const build = <T>(list: readonly Module<T>[]): T[] => list.map((module) => modules.build(module))

  const transports = build(lists.transports)
  const security = build(lists.security)
  const muxers = build(lists.muxers)
  const services = Object.fromEntries(
    Object.entries(serviceModules).map(([name, module]) => [name, modules.buildService(module)])
  ) as Services<S>
  const discovery = [...new Set([...build(lists.discovery), ...modules.discovery()])]
  const routing: Routers = new Routers(
    [...new Set([...build(lists.peerRouting), ...modules.peerRouting()])],
    [...new Set([...build(lists.contentRouting), ...modules.contentRouting()])]
  )

  const listeners: Listeners = new Listeners(transports, () => addresses.refresh())
  const upgrader = new ConnectionUpgrader(
    {
      self: peerId,
      security,
      muxers,
      protector,
      limits,
      guard: new InboundGuard(limits.limits.connectionsPerAddress),
      gater,
      log: log('upgrade'),
      timeoutMs: options.upgradeTimeoutMs ?? defaultUpgradeTimeoutMs
    },
    {
      clock,
      protocols,
      speaks: (peer, protocol) => peers.get(peer)?.protocols.includes(protocol) === true,
      onClose: (connection, error) => connections.closed(connection, error)
    },
    (connection) => connections.opened(connection)
  )
  const dialer: Dialer = new Dialer({
    self: peerId,
    transports,
    upgrader,
    peers,
    routing,
    dns: options.dns ?? runtime.dns,
    gater,
    backoff: new DialBackoff(clock),
    blackHole: new BlackHoleDetector(),
    clock,
    options: { ...defaultDialerOptions, ...options.dialer }
  })

  events.on('peer:identify', ({ peerId: peer, connection, protocols: spoken }) =>
    protocols.peerSpeaks(peer, connection, spoken)
  )
  events.on('peer:disconnect', (peer) => protocols.peerLeft(peer))
  const autoDialBelow = options.autoDialBelow ?? defaultAutoDialBelow
  const onDiscovered = (found: FoundPeer): void => {
    if (found.id.equals(peerId)) return
    peers.addAddresses(found.id, found.addresses, found.ttlMs === undefined ? {} : { ttlMs: found.ttlMs })
    events.emit('peer:discovery', found)
    if (found.dial === false) return
    if (connections.size + dialer.pending >= autoDialBelow || connections.list(found.id).length > 0) return
    connections.dial(found.id).catch((error: unknown) => {
      const scope = log('discovery')
      if (scope.enabled) scope.debug('%s was found but not reached', found.id.toString(), error)
    })
  }

  const node = new PeerloomNode<Services<S>>({
    peerId,
    agentVersion,
    clock,
    services,
    events,
    peers,
    protocols,
    connections,
    addresses,
    transports,
    listeners,
    listen: toMultiaddrs(options.addresses?.listen),
    upgrader,
    dialer,
    routing,
    limits,
    startables: modules.startables(),
    discovery,
    onDiscovered
  })
  if (options.start !== false) await node.start()
  return node
}
