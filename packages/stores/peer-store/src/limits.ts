import { PeerloomError } from '@peerloom/interface'

export interface PeerStoreLimits {
  /** Peers that are kept. Default 10,000: connected and tagged ones are the last to go, then the least recently used. */
  readonly maxPeers?: number
  /** All that is known of peers, in bytes, roughly. Default 64 MiB; connected peers stay, whatever is known of them. */
  readonly maxBytes?: number
  /** Addresses of one peer. Default 64: certified ones are the last to go, then those that expire last. */
  readonly maxAddresses?: number
  /** Bytes of one address. Default 512; longer ones are left out. */
  readonly maxAddressBytes?: number
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
  maxBytes: 64 * 1024 * 1024,
  maxAddresses: 64,
  maxAddressBytes: 512,
  maxProtocols: 1024,
  maxNameBytes: 256,
  maxTags: 64,
  maxMetadataBytes: 16 * 1024,
  maxRecordBytes: 64 * 1024
}

/** How long an address is believed by default, in ms. */
export const defaultTtlMs = 3_600_000

/** Throws ERR_INVALID_ARGUMENT for a limit that would bound nothing. */
export function checkedLimits(options: PeerStoreLimits): Required<PeerStoreLimits> {
  const limits = { ...defaultLimits, ...options }
  for (const name of Object.keys(defaultLimits) as (keyof PeerStoreLimits)[]) {
    if (!(limits[name] >= 1)) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', `${name} is ${limits[name]}, it must be 1 or more`)
    }
  }
  return limits
}

/** When something ends that lasts `ttlMs` from now. Infinity: never. */
export function expiryOf(now: number, ttlMs: number): number {
  if (!(ttlMs >= 0)) throw new PeerloomError('ERR_INVALID_ARGUMENT', `ttlMs is ${ttlMs}, it must be 0 or more`)
  const at = now + ttlMs
  return at > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : at
}
