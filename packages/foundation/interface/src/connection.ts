import type { Multiaddr } from '@multiformats/multiaddr'
import type { AbortOptions } from './abort.ts'
import type { PeerId, PublicKey } from './peer.ts'
import type { Direction, Stream } from './stream.ts'

export type ConnectionStatus = 'open' | 'closing' | 'closed'

export interface OpenStreamOptions extends AbortOptions {
  /** Bound on opening and negotiating, in ms. Default 10,000. */
  readonly timeoutMs?: number
  /** Allow a limited (relayed) connection. Default false. */
  readonly allowLimited?: boolean
  /**
   * True: send protocol id and first data without waiting for the answer. Default: when there is one candidate, or the
   * peer is known to speak the first one.
   */
  readonly optimistic?: boolean
}

/** What a relay allows on a connection; a connection that has it is a limited one. */
export interface ConnectionLimits {
  /** Bytes each way, undefined for no limit. */
  readonly bytes?: bigint
  readonly durationMs?: number
}

/** A secured, multiplexed link to one peer. */
export interface Connection {
  readonly id: string
  readonly remotePeer: PeerId
  readonly remoteKey: PublicKey | undefined
  readonly remoteAddress: Multiaddr
  readonly localAddress: Multiaddr | undefined
  readonly direction: Direction
  readonly status: ConnectionStatus
  /** Names as on the wire: `/noise`, `/yamux/1.0.0`; and the transport's own name: `tcp`. */
  readonly security: string
  readonly muxer: string
  readonly transport: string
  /** True when the muxer was agreed inside the security handshake. */
  readonly earlyMuxer: boolean
  readonly limits: ConnectionLimits | undefined
  /** Milliseconds since the epoch. */
  readonly openedAt: number
  /** Last round trip the muxer measured, in ms. */
  readonly rttMs: number | undefined
  /** A snapshot. */
  readonly streams: readonly Stream[]
  /** Opens a stream and agrees on the first of `protocols` that the remote speaks. */
  openStream(protocols: string | readonly string[], options?: OpenStreamOptions): Promise<Stream>
  /** Lets open streams send what is queued, says good-bye, and resolves when the link is gone. Bounded. Idempotent. */
  close(options?: AbortOptions): Promise<void>
  abort(error: Error): void
}
