import type { AbortOptions } from './abort.ts'
import type { Channel } from './channel.ts'
import type { Connection } from './connection.ts'

export type Direction = 'inbound' | 'outbound'

/** What applications hold: one stream of a connection, speaking one protocol. */
export interface Stream extends Channel, AsyncIterable<Uint8Array>, AsyncDisposable {
  /** Unique within its connection. */
  readonly id: string
  /** The negotiated protocol id; empty until it is known. */
  readonly protocol: string
  readonly direction: Direction
  readonly connection: Connection
  /** `send`, then `drained` when the queue is full: the plain way to write. */
  write(bytes: Uint8Array, options?: AbortOptions): Promise<void>
  /**
   * Iterating takes one chunk at a time and holds the sender back in between. It ends with the remote's end and throws
   * when the stream is reset. Breaking out keeps the rest for the next reader.
   */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined>
  /**
   * The same for who is done with a chunk before taking the next or leaving the loop, as with writing it to a file: neither
   * keeps nor sends it.
   * Its memory is then used again, which is a third of what receiving bulk costs.
   */
  readonly transient: AsyncIterable<Uint8Array>
  /** it-pipe duplex, with `sink`: `pipe(stream, transform, stream)`. */
  readonly source: AsyncIterable<Uint8Array>
  /** Writes everything, then `closeWrite`; aborts the stream when the source throws. */
  sink(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void>
}

/** What a muxer makes; the connection fills in who it belongs to and what it speaks. */
export interface MuxedStream extends Stream {
  protocol: string
  connection: Connection
  /** Set by the connection; called once when both directions are over. */
  onOver: ((stream: MuxedStream) => void) | undefined
}
