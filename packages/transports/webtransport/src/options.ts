export interface WebTransportOptions {
  /** Bound on everything before a connection is one: QUIC, the session, Noise; in ms. Default 10,000. */
  readonly handshakeTimeoutMs?: number
  /** Node: a connection on which nothing was heard for so long is over, in ms. Default 15,000. */
  readonly idleTimeoutMs?: number
  /** Node: an idle connection is kept alive this often, in ms. Default 5,000. */
  readonly keepAliveMs?: number
  /** Node: streams that the remote may have open at once on a connection. Default 256. */
  readonly maxInboundStreams?: number
  /** Node: bytes of one stream that the remote may send ahead of the reader. Default 4 MiB. */
  readonly streamWindowBytes?: number
  /** Node: bytes of all streams of a connection that it may send ahead of the readers. Default 8 MiB. */
  readonly connectionWindowBytes?: number
  /** Node: inbound handshakes under way at once on a listener. Default 128. */
  readonly maxHandshakes?: number
}

export type WebTransportSettings = Required<WebTransportOptions>

const mebibyte = 1024 * 1024

export const defaultWebTransportSettings: WebTransportSettings = {
  handshakeTimeoutMs: 10_000,
  idleTimeoutMs: 15_000,
  keepAliveMs: 5000,
  maxInboundStreams: 256,
  streamWindowBytes: 4 * mebibyte,
  connectionWindowBytes: 8 * mebibyte,
  maxHandshakes: 128
}

/** Names that connections carry. */
export const transportName = 'webtransport'
export const securityName = '/noise'
/** Where sessions are asked for (webtransport specification, "WebTransport HTTP endpoint"). */
export const sessionPath = '/.well-known/libp2p-webtransport?type=noise'

/** Control and QPACK streams of HTTP/3, and some to spare for what others add. */
export const maxUniStreams = 8
export const datagramQueue = 16
