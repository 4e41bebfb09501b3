import type { AbortOptions } from './abort.ts'
import type { Channel } from './channel.ts'
import type { Clock } from './clock.ts'
import type { Scope } from './limits.ts'
import type { MuxedStream } from './stream.ts'

export interface MuxerOptions {
  readonly role: 'initiator' | 'responder'
  /** Called synchronously for each stream that the remote opens. Throwing resets that stream. */
  onStream(stream: MuxedStream): void
  /** Called once when the muxer is over; `error` unless both sides said good-bye. */
  onClose(error?: Error): void
  /** The connection's scope: the muxer asks it for streams and for window memory. */
  readonly limits: Scope
  readonly clock: Clock
}

/** One multiplexed connection. Owns its channel from creation on. */
export interface Muxer {
  readonly protocol: string
  readonly streams: Iterable<MuxedStream>
  readonly streamCount: number
  /** Last measured round trip, in ms. */
  readonly rttMs: number | undefined
  /**
   * A stream to write to; waits while too many are unacknowledged, for 10,000 ms unless `timeoutMs` says otherwise.
   * Rejects with ERR_LIMIT, ERR_TIMEOUT, ERR_CONNECTION_CLOSED.
   */
  open(options?: AbortOptions & { readonly timeoutMs?: number }): Promise<MuxedStream>
  /** Tells the remote, lets streams send what is queued, closes the channel. Bounded. Resolves when the channel is over. */
  close(options?: AbortOptions): Promise<void>
  /** Ends it at once, the channel included, also while `close` still waits for the remote. */
  abort(error: Error): void
}

export interface StreamMuxerFactory {
  /** Wire name: `/yamux/1.0.0`. */
  readonly protocol: string
  create(channel: Channel, options: MuxerOptions): Muxer
}
