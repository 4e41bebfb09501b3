import type { Connection } from './connection.ts'
import type { PeerId } from './peer.ts'
import type { Stream } from './stream.ts'

/** Serves one inbound stream. A handler that throws or rejects resets its stream only. */
export type StreamHandler = (stream: Stream, connection: Connection) => void | Promise<void>

export interface HandleOptions {
  /** Streams of this protocol a peer may have open at once. Default 256. */
  readonly maxInboundStreams?: number
  /** Serve limited (relayed) connections too. Default false. */
  readonly allowLimited?: boolean
}

/** Called for peers that speak a protocol we watch. */
export interface Topology {
  readonly protocols: readonly string[]
  onConnect(peer: PeerId, connection: Connection): void
  onDisconnect(peer: PeerId): void
  /** Watch limited connections too. Default false. */
  readonly allowLimited?: boolean
}

export interface Protocols {
  /** Throws ERR_INVALID_ARGUMENT when one of them has a handler already. */
  handle(protocols: string | readonly string[], handler: StreamHandler, options?: HandleOptions): void
  unhandle(protocols: string | readonly string[]): void
  /** What we serve, sorted. */
  list(): readonly string[]
  /** Calls `onConnect` at once for peers that are connected already. Returns its removal. */
  watch(topology: Topology): () => void
}
