export interface PeerStoreLimits {
  /** Peers that are kept. Default 10,000: connected and tagged ones are the last to go, then the least recently used. */
  readonly maxPeers?: number
  /** Addresses of one peer. Default 64: certified ones are the last to go, then those that expire last. */
  readonly maxAddresses?: number
  /** Protocols of one peer. Default 1,024. */
  readonly maxProtocols?: number
  /** Bytes of one protocol id, tag name, metadata key or version text. Default 256. */
  readonly maxNameBytes?: number
  /** Tags of one peer. Default 64. */
  readonly maxTags?: number
  /** Metadata of one peer, keys and values, in bytes. Default 16 KiB. */
  readonly maxMetadataBytes?: number
  /** A signed record, in bytes. Default 64 KiB. */
  readonly maxRecordBytes?: number
}

export const defaultLimits: Required<PeerStoreLimits> = {
  maxPeers: 10_000,
  maxAddresses: 64,
  maxProtocols: 1024,
  maxNameBytes: 256,
  maxTags: 64,
  maxMetadataBytes: 16 * 1024,
  maxRecordBytes: 64 * 1024
}

/** How long an address is believed by default, in ms. */
export const defaultTtlMs = 3_600_000
