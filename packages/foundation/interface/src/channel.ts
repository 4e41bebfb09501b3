import type { AbortOptions } from './abort.ts'

/**
 * - `open`: both directions work, or at least nothing of ours was closed
 * - `closing`: one direction is closed, or `close()` was called and the rest is being wound up
 * - `closed`: both directions ended in good order
 * - `reset`: aborted by us, by the remote, or by the loss of what carries it
 */
export type ChannelStatus = 'open' | 'closing' | 'closed' | 'reset'

/** The one reader of a channel. All calls are synchronous and in order: data*, end?, closed. */
export interface ChannelReader {
  /**
   * The next bytes. They belong to the reader, who may keep them, unless it set `transient`. They count as consumed
   * when this returns: a reader that wants to slow the sender down calls `pause()` in here.
   * Throwing aborts the channel with that error.
   */
  data(bytes: Uint8Array): void
  /** The remote will send no more. Our direction may still be open. */
  end(): void
  /** Both directions are over. `error` is set when the channel was reset. Called exactly once, last. */
  closed(error?: Error): void
  /** The send queue is under its low-water mark again after `send` returned false. */
  drain?(): void
  /**
   * True when `data` never keeps any of its bytes: their memory is used again as soon as it returns, which is a third of
   * what receiving bulk costs. Default false.
   */
  readonly transient?: boolean
  /** For a reader that keeps some: of the bytes of the last `data`, how many it did not keep. Default none. */
  readonly unkeptBytes?: number
}

/** Ordered, reliable, full-duplex bytes with back-pressure: a socket, a secured connection and a stream alike. */
export interface Channel {
  readonly status: ChannelStatus
  /** Why the channel was reset; undefined while it was not. */
  readonly error: Error | undefined
  /** Bytes accepted by `send` that have not left yet. */
  readonly queuedBytes: number
  /** False while the send queue is over its high-water mark. */
  readonly writable: boolean
  /**
   * Queues bytes; ownership passes to the channel. False: the queue is over its high-water mark, wait for `drained()`.
   * Throws ERR_WRITE_CLOSED after `closeWrite`, the reset reason after a reset, and ERR_SEND_QUEUE_FULL when earlier
   * answers of false were ignored until the hard bound: those bytes are not queued, all earlier ones are kept.
   */
  send(bytes: Uint8Array): boolean
  /** Resolves when the queue is under its low-water mark; every call waits anew. Rejects when the channel dies. */
  drained(options?: AbortOptions): Promise<void>
  /**
   * Attaches the one reader; another one replaces it (hand-over between layers), undefined detaches and holds what
   * arrives. Bytes that waited are delivered during this call.
   */
  attach(reader: ChannelReader | undefined): void
  /** Stops deliveries; what already arrived waits in a bounded queue and the sender is held back. */
  pause(): void
  resume(): void
  /** Gives bytes back that a reader took too many of: the next reader gets them first. */
  unshift(bytes: Uint8Array): void
  /**
   * Lets a negotiation see inbound bytes before the reader does. The function returns what is left for the reader, or
   * undefined when it took everything; undefined as argument removes it. The channel is reset when the filter throws, and
   * when the remote ends while a filter is installed, unless `onEnd` is there to end it otherwise: it is called with the
   * filter removed.
   */
  intercept(filter: ((bytes: Uint8Array) => Uint8Array | undefined) | undefined, onEnd?: () => void): void
  /** Sends what is queued, then our end. Resolves when that has left. Idempotent. */
  closeWrite(options?: AbortOptions): Promise<void>
  /**
   * `closeWrite`, and no more interest in what the remote sends: it is discarded. Resolves when our end has left; the
   * channel is `closed` when the remote ended as well, or reset after a linger time. Idempotent.
   */
  close(options?: AbortOptions): Promise<void>
  /** Ends both directions at once; the remote sees a reset. Queued bytes are dropped. Idempotent. */
  abort(error: Error): void
}
