/** How streams behave on a WebRTC connection. */
export interface DataChannelOptions {
  /** Streams of one connection that the remote may have open. Default 512, which is all that node-datachannel has ids for. */
  readonly maxInboundStreams?: number
  /** What a peer that knows our flow control may send on a stream before it was read, in bytes. Default 1 MiB. */
  readonly receiveWindowBytes?: number
  /**
   * What may wait on a stream to be read, in bytes; above it the stream is reset. A data channel cannot be paused, so this
   * is what bounds peers that do not know our flow control. Default 8 MiB.
   */
  readonly maxBufferedBytes?: number
  /** How long a closed stream waits for the remote to say that it has everything, in ms. Default 10,000. */
  readonly finAckTimeoutMs?: number
  /** How long closing a connection waits for its streams, in ms. Default 10,000. */
  readonly closeTimeoutMs?: number
}

export const defaultDataChannelOptions: Required<DataChannelOptions> = {
  maxInboundStreams: 512,
  receiveWindowBytes: 1024 * 1024,
  maxBufferedBytes: 8 * 1024 * 1024,
  finAckTimeoutMs: 10_000,
  closeTimeoutMs: 10_000
}
