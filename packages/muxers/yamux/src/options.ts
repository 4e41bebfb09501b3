export interface YamuxOptions {
  /** Streams a remote may have open on one connection. Default 1,024. */
  readonly maxInboundStreams?: number
  /** Own streams that the remote has not acknowledged; `open()` waits above it. Default 256, as the specification asks. */
  readonly maxUnacknowledged?: number
  /** What the receive window of one stream may grow to, in bytes. Default 16 MiB; 256 KiB is the least. */
  readonly maxReceiveWindowBytes?: number
  /** What the receive windows of one connection may grow to together, over 256 KiB each. Default 64 MiB. */
  readonly maxConnectionWindowBytes?: number
  /** Silence after which the remote is asked whether it is there, in ms. Default 30,000; 0 never asks. */
  readonly keepAliveMs?: number
  /** Time it has to answer, in ms. Default 10,000. */
  readonly keepAliveTimeoutMs?: number
}

export const defaultYamuxOptions: Required<YamuxOptions> = {
  maxInboundStreams: 1024,
  maxUnacknowledged: 256,
  maxReceiveWindowBytes: 16 * 1024 * 1024,
  maxConnectionWindowBytes: 64 * 1024 * 1024,
  keepAliveMs: 30_000,
  keepAliveTimeoutMs: 10_000
}

/** The window that every stream starts with, both ways; the specification fixes it. */
export const initialWindowBytes: number = 256 * 1024

/**
 * Credit goes back in steps of half a window or of this, whichever is less. What is consumed and not credited yet is
 * lost to a sender that waits: half of a large window would halve the throughput of a long line.
 */
export const creditStepBytes: number = 256 * 1024
/** With its header this fills a Noise record exactly. */
export const maxFrameBytes = 65_507
/** A stream's share when several have something to send. */
export const sharedFrameBytes: number = 16 * 1024
