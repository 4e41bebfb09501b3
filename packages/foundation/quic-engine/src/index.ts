/**
 * The seam between transports and engines that bring encrypted streams of their own (QUIC, WebTransport), and the muxer that
 * makes the application's streams of the engine's.
 */
export type { EngineConnection, EngineConnectionEvents, EngineStream, EngineStreamEvents } from './engine.ts'
export { createNativeMuxer } from './muxer.ts'
export { engineChannel, streamLost } from './stream.ts'
export type { DatagramPort, UdpAddress } from './udp.ts'
