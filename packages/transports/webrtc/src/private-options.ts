import type { IceServer } from './engine-interface.ts'
import { type DataChannelOptions, defaultDataChannelOptions } from './options.ts'

export interface WebRTCOptions extends DataChannelOptions {
  /**
   * STUN servers, which tell us the address that others see us at, and TURN servers, which carry what finds no other way:
   * `{ urls: 'stun:stun.example.org:3478' }`. Default: none; only addresses of this host are offered then.
   */
  readonly iceServers?: readonly IceServer[]
  /** Bound on making a connection, in ms, from a peer reached over its relay on. Default 20,000. */
  readonly connectTimeoutMs?: number
  /** Connections that peers may be making to us at once. Default 32. */
  readonly maxPendingInbound?: number
}

export interface PrivateSettings {
  readonly iceServers: readonly IceServer[]
  readonly connectTimeoutMs: number
  readonly maxPendingInbound: number
  readonly dataChannel: Required<DataChannelOptions>
}

export function resolvePrivateOptions(options: WebRTCOptions): PrivateSettings {
  return {
    iceServers: [],
    connectTimeoutMs: 20_000,
    maxPendingInbound: 32,
    ...options,
    dataChannel: { ...defaultDataChannelOptions, ...options }
  }
}
