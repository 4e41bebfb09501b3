import type { Multiaddr } from '@multiformats/multiaddr'
import { PeerloomError } from '@peerloom/interface'
import type { CircuitLimits } from './circuit.ts'
import type { Rate, RelayLimits } from './relay-state.ts'

/** What one circuit may take, as clients are told. */
export interface CircuitLimitOptions {
  /** How long a circuit lasts, in ms; counted in whole seconds. 0 for no limit. Default 120,000. */
  readonly durationMs?: number
  /** Bytes in each direction. 0 for no limit. Default 131,072. */
  readonly bytes?: number
}

export interface CircuitRelayServerOptions {
  /** Limits on each circuit; false for none at all. Default 2 minutes and 128 KiB each way. */
  readonly limits?: CircuitLimitOptions | false
  /** How long a reservation lasts, in ms. Default 3,600,000. */
  readonly reservationTtlMs?: number
  /** Reservations at once. Default 128. */
  readonly maxReservations?: number
  /** Reservations at once from one IPv4 address or IPv6 /64. Default 8. */
  readonly maxReservationsPerAddress?: number
  /** Circuits at once, those that are being made included. Default 1,024. */
  readonly maxCircuits?: number
  /** Circuits at once of one peer, at either end. Default 16. */
  readonly maxCircuitsPerPeer?: number
  /** Circuits at once that come from one IPv4 address or IPv6 /64. Default 64. */
  readonly maxCircuitsPerAddress?: number
  /** How often one peer may reserve. Default: 30 at once, then one in two minutes. */
  readonly reservationsPerPeer?: Rate
  /** How often may be reserved from one address. Default: 60 at once, then one a minute. */
  readonly reservationsPerAddress?: Rate
  /** How often one peer may ask for a circuit. Default: 60 at once, then 30 a minute. */
  readonly circuitsPerPeer?: Rate
  /** How often circuits may be asked for from one address. Default: 120 at once, then 120 a minute. */
  readonly circuitsPerAddress?: Rate
  /** Bound on a client's message, in ms. Default 10,000. */
  readonly messageTimeoutMs?: number
  /** Bound on reaching the target of a circuit, in ms. Default 15,000. */
  readonly connectTimeoutMs?: number
  /** Decides who may reserve. Default: everybody. */
  readonly allowReserve?: (peer: string, address: Multiaddr) => boolean
  /** Decides who may be connected with whom. Default: everybody with everybody. */
  readonly allowConnect?: (source: string, address: Multiaddr, target: string) => boolean
}

export interface ServerSettings extends RelayLimits {
  readonly circuit: CircuitLimits
  readonly messageTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly allowReserve: (peer: string, address: Multiaddr) => boolean
  readonly allowConnect: (source: string, address: Multiaddr, target: string) => boolean
}

/** go's figures, with rust's rates for reservations. */
export const defaultServerOptions: Required<CircuitRelayServerOptions> & {
  readonly limits: Required<CircuitLimitOptions>
} = {
  limits: { durationMs: 120_000, bytes: 128 * 1024 },
  reservationTtlMs: 3_600_000,
  maxReservations: 128,
  maxReservationsPerAddress: 8,
  maxCircuits: 1024,
  maxCircuitsPerPeer: 16,
  maxCircuitsPerAddress: 64,
  reservationsPerPeer: { burst: 30, perMinute: 0.5 },
  reservationsPerAddress: { burst: 60, perMinute: 1 },
  circuitsPerPeer: { burst: 60, perMinute: 30 },
  circuitsPerAddress: { burst: 120, perMinute: 120 },
  messageTimeoutMs: 10_000,
  connectTimeoutMs: 15_000,
  allowReserve: () => true,
  allowConnect: () => true
}

/** Throws ERR_INVALID_ARGUMENT for limits that cannot be told to a client. */
export function resolveServerOptions(options: CircuitRelayServerOptions): ServerSettings {
  const { limits, ...settings } = { ...defaultServerOptions, ...options }
  const { durationMs, bytes } =
    limits === false ? { durationMs: 0, bytes: 0 } : { ...defaultServerOptions.limits, ...limits }
  if (!(durationMs >= 0 && durationMs <= 0xffff_ffff * 1000) || !(bytes >= 0 && Number.isSafeInteger(bytes))) {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `limits of ${durationMs} ms and ${bytes} bytes`)
  }
  if (durationMs > 0 && durationMs < 1000) {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `durationMs is ${durationMs}: circuits last whole seconds`)
  }
  return {
    ...settings,
    circuit: {
      bytes: bytes === 0 ? Infinity : bytes,
      durationMs: durationMs === 0 ? Infinity : Math.floor(durationMs / 1000) * 1000
    }
  }
}
