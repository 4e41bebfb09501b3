import { PeerloomError } from '@peerloom/interface'
import type { DirectVersion } from './ice-credentials.ts'
import { type DataChannelOptions, defaultDataChannelOptions } from './options.ts'

export interface WebRTCDirectOptions extends DataChannelOptions {
  /**
   * Versions of the protocol that are dialled, in this order. Default in Node [1, 2]: every server knows the first. In
   * browsers [2, 1]: pages are about to be kept from what the first needs.
   */
  readonly versions?: readonly DirectVersion[]
  /** Silence after which the other version is dialled as well, in ms. Default 2000. */
  readonly fallbackDelayMs?: number
  /** Bound on finding a way to the remote, in ms. Default 10,000. */
  readonly connectTimeoutMs?: number
  /** Inbound connections that may be in the making. Default 128. */
  readonly maxPendingInbound?: number
  /** Of these from one IP address (IPv6: one /64) that is not a loopback one. Default 16. */
  readonly maxPendingPerAddress?: number
  /** Inbound attempts from one such address. Default bursts of 64, then 8 in a second. */
  readonly inboundRate?: { readonly burst: number; readonly ratePerSecond: number }
  /** How long a certificate is used, in days. Its hash is part of the node's addresses. Default 365. */
  readonly certificateDays?: number
}

export interface DirectSettings {
  readonly versions: readonly [DirectVersion, DirectVersion?]
  readonly fallbackDelayMs: number
  readonly connectTimeoutMs: number
  readonly maxPendingInbound: number
  readonly maxPendingPerAddress: number
  readonly inboundRate: { readonly burst: number; readonly ratePerSecond: number }
  readonly certificateDays: number
  readonly dataChannel: Required<DataChannelOptions>
}

const defaults = {
  fallbackDelayMs: 2000,
  connectTimeoutMs: 10_000,
  maxPendingInbound: 128,
  maxPendingPerAddress: 16,
  inboundRate: { burst: 64, ratePerSecond: 8 },
  certificateDays: 365
}

export function resolveDirectOptions(
  options: WebRTCDirectOptions,
  platformVersions: readonly [DirectVersion, DirectVersion]
): DirectSettings {
  const [first, second, third] = options.versions ?? platformVersions
  if (first === undefined || first === second || third !== undefined) {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', 'versions are [1], [2], [1, 2] or [2, 1]')
  }
  return {
    ...defaults,
    ...options,
    versions: second === undefined ? [first] : [first, second],
    dataChannel: { ...defaultDataChannelOptions, ...options }
  }
}
