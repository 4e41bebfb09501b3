export interface QuicOptions {
  /**
   * What speaks QUIC. `quinn`: the native part of `@chainsafe/libp2p-quic`, fast, with sockets of its own. `quiche`: that of
   * `@matrixai/quic`, on sockets of ours; experimental, with known flaws. Default `quinn`.
   */
  readonly engine?: 'quinn' | 'quiche'
  /** Bound on a handshake we began, in ms. Default 10,000. */
  readonly handshakeTimeoutMs?: number
  /** A connection on which nothing was heard for so long is over, in ms. Default 15,000. */
  readonly idleTimeoutMs?: number
  /** An idle connection is kept alive this often, in ms. Default 5,000. */
  readonly keepAliveMs?: number
  /** Streams that the remote may have open at once on a connection. Default 256. */
  readonly maxInboundStreams?: number
  /** Bytes of one stream that the remote may send ahead of the reader. Default 4 MiB. */
  readonly streamWindowBytes?: number
  /** Bytes of all streams of a connection that the remote may send ahead of the readers. Default 8 MiB. */
  readonly connectionWindowBytes?: number
  /** Inbound handshakes under way at once on a listener. Default 1024. */
  readonly maxHandshakes?: number
}

export type QuicSettings = Required<Omit<QuicOptions, 'engine'>>

const mebibyte = 1024 * 1024

export const defaultQuicSettings: QuicSettings = {
  handshakeTimeoutMs: 10_000,
  idleTimeoutMs: 15_000,
  keepAliveMs: 5000,
  maxInboundStreams: 256,
  streamWindowBytes: 4 * mebibyte,
  connectionWindowBytes: 8 * mebibyte,
  maxHandshakes: 1024
}
