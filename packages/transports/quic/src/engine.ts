import type { AbortOptions, PeerId, PublicKey } from '@peerloom/interface'
import type { EngineConnection, UdpAddress } from '@peerloom/quic-engine'

/** A connection whose handshake is over. Start it (by way of a muxer) or abort it. */
export interface QuicLink {
  readonly connection: EngineConnection
  readonly remotePeer: PeerId
  readonly remoteKey: PublicKey | undefined
  readonly remote: UdpAddress
  readonly local: UdpAddress | undefined
}

export interface QuicListening {
  /** With the port filled in. */
  readonly local: UdpAddress
  /**
   * Takes no new connections. The port is free when this resolves, or with the last connection on it: they share one socket.
   */
  close(): Promise<void>
}

/** What makes QUIC out of UDP: sockets, handshakes with the libp2p TLS certificate, connections. */
export interface QuicEngine {
  /** Rejects with ERR_LISTEN. `onLink` is called for each connection that a remote made. */
  listen(at: UdpAddress, onLink: (link: QuicLink) => void): Promise<QuicListening>
  /** Rejects with ERR_ADDRESS_UNREACHABLE, ERR_SECURITY, ERR_TIMEOUT and the signal's reason. */
  dial(to: UdpAddress, options: AbortOptions): Promise<QuicLink>
  /** Frees what dials use, with the last connection that was dialled. A dial afterwards makes it anew. */
  stop(): Promise<void>
}
