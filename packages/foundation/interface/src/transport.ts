import type { Multiaddr } from '@multiformats/multiaddr'
import type { AbortOptions } from './abort.ts'
import type { Channel } from './channel.ts'
import type { Connection, ConnectionLimits } from './connection.ts'
import type { Muxer, MuxerOptions } from './muxer.ts'
import type { PeerId, PublicKey } from './peer.ts'
import type { Secured, SecureOptions } from './security.ts'

/** The stages of a dial, as a failure and progress name them. */
export type DialStage = 'resolve' | 'connect' | 'security' | 'muxer'

export interface UpgradeOptions extends AbortOptions {
  /** The transport's name. */
  readonly transport: string
  readonly remoteAddress: Multiaddr
  readonly localAddress?: Multiaddr | undefined
  /** Outbound: the peer that was dialled, when known. */
  readonly expected?: PeerId | undefined
  readonly limits?: ConnectionLimits | undefined
  readonly onStage?: ((stage: DialStage) => void) | undefined
}

/** For transports that bring security and muxing with them (QUIC, WebRTC, WebTransport). */
export interface AdoptOptions extends UpgradeOptions {
  readonly security: string
  readonly remotePeer: PeerId
  readonly remoteKey: PublicKey | undefined
  createMuxer(options: MuxerOptions): Muxer
}

/** Makes Connections out of what transports bring. Applies limits and gates; aborts the channel on failure. */
export interface Upgrader {
  upgradeOutbound(channel: Channel, options: UpgradeOptions): Promise<Connection>
  /** Never rejects into a listener's event handler unobserved: callers may ignore the result, it is logged. */
  upgradeInbound(channel: Channel, options: UpgradeOptions): Promise<Connection | undefined>
  /**
   * Secures a channel by the node's own module of that wire name, for transports that run a handshake as a part of theirs
   * (WebRTC, WebTransport: `/noise`). Rejects with ERR_MISSING_MODULE when the node has none.
   */
  secure(protocol: string, channel: Channel, options: SecureOptions): Promise<Secured>
  adoptOutbound(options: AdoptOptions): Promise<Connection>
  adoptInbound(options: AdoptOptions): Promise<Connection | undefined>
  /** Asked by a listener before any work on a new inbound link: false means drop it. */
  acceptInbound(remoteAddress: Multiaddr): boolean
}

export interface DialOptions extends AbortOptions {
  readonly upgrader: Upgrader
  readonly expected?: PeerId | undefined
  readonly onStage?: ((stage: DialStage) => void) | undefined
}

export interface ListenOptions {
  readonly upgrader: Upgrader
  /** To be called when what `addresses()` gives has changed while listening (a certificate was renewed). */
  readonly onAddresses?: () => void
}

export interface Listener {
  /** Rejects with ERR_LISTEN. */
  listen(address: Multiaddr): Promise<void>
  /** What it really listens on: ports filled in, wildcard addresses expanded to those of the interfaces. */
  addresses(): Multiaddr[]
  /** Stops accepting and frees the port; connections that exist live on. */
  close(): Promise<void>
  /**
   * For those whose connections are on the listener's port: resolves, inside a bound, when the port is free. Called behind
   * `close` when the connections are closed as well.
   */
  released?(): Promise<void>
}

export interface Transport {
  readonly name: string
  canDial(address: Multiaddr): boolean
  canListen(address: Multiaddr): boolean
  /** Errors: ERR_ADDRESS_UNREACHABLE with the system's cause, what the upgrade throws, the signal's reason. */
  dial(address: Multiaddr, options: DialOptions): Promise<Connection>
  createListener(options: ListenOptions): Listener
}
