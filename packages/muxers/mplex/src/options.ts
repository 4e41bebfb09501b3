/** Bursts, then a steady rate. */
export interface MplexFloodLimit {
  readonly burst: number
  readonly ratePerSecond: number
}

/** Bounds on what costs a remote little to send and us something to take. More of it ends the connection. */
export interface MplexFloodLimits {
  /** Streams that the remote opens; those above are refused. Default burst 20,000, then 10,000. */
  readonly open: MplexFloodLimit
  /** Streams that we refuse. Default 20,000, 2,000. */
  readonly refused: MplexFloodLimit
  /** Streams that the remote resets: opening and resetting is a known way to make others work. Default 4,096, 500. */
  readonly reset: MplexFloodLimit
  /** Frames that move nothing: empty messages, ends of what has ended. Default 20,000, 2,000. */
  readonly idle: MplexFloodLimit
  /** Bytes for streams that are gone: what was under way may come, an endless flow may not. 64 MiB, 16 MiB. */
  readonly discarded: MplexFloodLimit
}

export interface MplexOptions {
  /** Streams a remote may have open on one connection. Default 1,024. */
  readonly maxInboundStreams?: number
  /** Own streams on one connection; js-libp2p ends a connection that opens more. Default 1,024. */
  readonly maxOutboundStreams?: number
  /** Longest frame that is read, in bytes. Default 1 MiB, what other implementations send at most. */
  readonly maxFrameBytes?: number
  /** Longest name of a stream, in bytes. Names mean nothing and are not kept. Default 1,024. */
  readonly maxNameBytes?: number
  /** Unread bytes of one stream above which the connection is held back until half of them are read. Default 1 MiB. */
  readonly maxStreamBufferBytes?: number
  /** Unread bytes of all streams of a connection above which it is held back. Default 16 MiB. */
  readonly maxConnectionBufferBytes?: number
  /** How long a connection is held back before the streams that are to blame are reset, in ms. Default 5,000. */
  readonly holdTimeoutMs?: number
  /** How long `close()` lets streams send what is queued, in ms. Default 10,000. */
  readonly closeTimeoutMs?: number
  /** Resets that may wait for a remote that does not read; above it the connection ends. Default 16,384. */
  readonly maxControlFrames?: number
  readonly floodLimits?: Partial<MplexFloodLimits>
}

export interface MplexSettings extends Required<MplexOptions> {
  readonly floodLimits: MplexFloodLimits
}

export const defaultMplexOptions: MplexSettings = {
  maxInboundStreams: 1024,
  maxOutboundStreams: 1024,
  maxFrameBytes: 1024 * 1024,
  maxNameBytes: 1024,
  maxStreamBufferBytes: 1024 * 1024,
  maxConnectionBufferBytes: 16 * 1024 * 1024,
  holdTimeoutMs: 5000,
  closeTimeoutMs: 10_000,
  maxControlFrames: 16_384,
  floodLimits: {
    open: { burst: 20_000, ratePerSecond: 10_000 },
    refused: { burst: 20_000, ratePerSecond: 2000 },
    reset: { burst: 4096, ratePerSecond: 500 },
    idle: { burst: 20_000, ratePerSecond: 2000 },
    discarded: { burst: 64 * 1024 * 1024, ratePerSecond: 16 * 1024 * 1024 }
  }
}

/** What a Noise record carries: a frame of a lone stream fills one, with its header. */
export const recordBytes = 65_519
/** A stream's share when several have something to send. */
export const sharedFrameBytes: number = 16 * 1024
