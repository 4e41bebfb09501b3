/**
 * QUIC on a UDP port of ours, by quiche, which does no input and output of its own. Node only; the native part of
 * `@matrixai/quic` has to be installed.
 */
export { loadBinding } from './binding.ts'
export type { Binding } from './binding.ts'
export { createConfigs, isLoopback } from './config.ts'
export type { QuicheConfigs, QuicheSettings } from './config.ts'
export { handshakeFailed, type QuicheConnection, type QuicheExtras } from './connection.ts'
export { dialQuiche, QuicheDiallers } from './dial.ts'
export type { QuicheDialOptions } from './dial.ts'
export { QuicheEndpoint } from './endpoint.ts'
export type { QuicheAcceptor, QuicheEndpointOptions } from './endpoint.ts'
export { readVarint } from './packet.ts'
export type { QuicheStream } from './stream.ts'
export { bindUdp } from './udp-socket.ts'

/** Flaws of quiche 0.18.0 that are known and mended in later versions only. */
export const knownFlaws: readonly string[] = [
  'CVE-2024-1410',
  'CVE-2024-1765',
  'CVE-2025-4820',
  'CVE-2025-4821',
  'CVE-2025-7054'
]
