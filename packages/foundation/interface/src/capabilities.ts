import type { Multiaddr } from '@multiformats/multiaddr'
import type { AbortOptions } from './abort.ts'
import type { Connection } from './connection.ts'
import type { IdentifyResult } from './events.ts'
import type { Capability } from './node.ts'
import type { PrivateKey } from './peer.ts'
import type { ContentRouting, PeerDiscovery, PeerRouting } from './routing.ts'

export interface Identifier {
  /** Asks the remote who it is, or joins the question that is under way. */
  identify(connection: Connection, options?: AbortOptions): Promise<IdentifyResult>
}

export const identifyCapability: Capability<Identifier> = {
  name: 'identify',
  hint: "import { identify } from '@peerloom/identify'"
}

/**
 * The node's identity key, given by the node itself. For engines that make their handshake outside of our reach and sign in
 * there (QUIC); everything else signs with `NodeContext.sign`. Who holds it is seen from the modules that name it in `needs`.
 */
export const identityKeyCapability: Capability<PrivateKey> = { name: 'identity-key', hint: '' }

/** Modules with these are found by the node in any list, `services` included. */
export const peerDiscoveryCapability: Capability<PeerDiscovery> = {
  name: 'peer-discovery',
  hint: "import { mdns } from '@peerloom/mdns'"
}
export const peerRoutingCapability: Capability<PeerRouting> = {
  name: 'peer-routing',
  hint: "import { kadDHT } from '@peerloom/kad-dht'"
}
export const contentRoutingCapability: Capability<ContentRouting> = {
  name: 'content-routing',
  hint: "import { kadDHT } from '@peerloom/kad-dht'"
}

/** Decides at five points of a connection's life; every method is optional and true refuses. */
export interface ConnectionGater {
  denyDialPeer?(peer: string): boolean
  denyDialAddress?(address: Multiaddr, peer?: string): boolean
  denyInbound?(remoteAddress: Multiaddr): boolean
  denySecured?(peer: string, direction: 'inbound' | 'outbound', remoteAddress: Multiaddr): boolean
  denyUpgraded?(connection: Connection): boolean
}
