/** Bursts, then a steady rate. */
export interface YamuxFloodLimit {
  readonly burst: number
  readonly ratePerSecond: number
}

/** Bounds on what costs a remote nothing to send and us something to take. More of it ends the connection. */
export interface YamuxFloodLimits {
  /** Pings. Implementations send one in 10 to 30 s. Default burst 100, then 10. */
  readonly ping: YamuxFloodLimit
  /** Streams that the remote resets: opening and resetting is a known way to make others work. Default 4,096, 500. */
  readonly reset: YamuxFloodLimit
  /** Streams that we refuse because too many are open. Default 20,000, 2,000. */
  readonly refused: YamuxFloodLimit
  /** Frames that move nothing, and window updates of a few bytes beyond one for each of our frames. 20,000, 2,000. */
  readonly idle: YamuxFloodLimit
  /** Bytes for streams that are gone: what was under way may come, an endless flow may not. 64 MiB, 16 MiB. */
  readonly discarded: YamuxFloodLimit
}

export interface YamuxOptions {
  /** Streams a remote may have open on one connection. Default 1,024. */
  readonly maxInboundStreams?: number
  /** Own streams that the remote has not acknowledged; `open()` waits above it. Default 256, as the specification asks. */
  readonly maxUnacknowledged?: number
  /** How long `open()` waits for an acknowledgement, in ms. Default 30,000. */
  readonly openTimeoutMs?: number
  /** How long `close()` lets streams send what is queued, in ms. Default 10,000. */
  readonly closeTimeoutMs?: number
  /** What the receive window of one stream may grow to, in bytes. Default 16 MiB; 256 KiB is the least. */
  readonly maxReceiveWindowBytes?: number
  /** What the receive windows of one connection may grow to together, over 256 KiB each. Default 64 MiB. */
  readonly maxConnectionWindowBytes?: number
  /** Answers that may wait for a remote that does not read, in bytes; above it the connection ends. Default 256 KiB. */
  readonly maxControlBytes?: number
  /** Silence after which the remote is asked whether it is there, in ms. Default 30,000; 0 never asks. */
  readonly keepAliveMs?: number
  /** Time it has to answer, in ms. Default 10,000. */
  readonly keepAliveTimeoutMs?: number
  readonly floodLimits?: Partial<YamuxFloodLimits>
}

export interface YamuxSettings extends Required<YamuxOptions> {
  readonly floodLimits: YamuxFloodLimits
}

export const defaultYamuxOptions: YamuxSettings = {
  maxInboundStreams: 1024,
  maxUnacknowledged: 256,
  openTimeoutMs: 30_000,
  closeTimeoutMs: 10_000,
  maxReceiveWindowBytes: 16 * 1024 * 1024,
  maxConnectionWindowBytes: 64 * 1024 * 1024,
  maxControlBytes: 256 * 1024,
  keepAliveMs: 30_000,
  keepAliveTimeoutMs: 10_000,
  floodLimits: {
    ping: { burst: 100, ratePerSecond: 10 },
    reset: { burst: 4096, ratePerSecond: 500 },
    refused: { burst: 20_000, ratePerSecond: 2000 },
    idle: { burst: 20_000, ratePerSecond: 2000 },
    discarded: { burst: 64 * 1024 * 1024, ratePerSecond: 16 * 1024 * 1024 }
  }
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
