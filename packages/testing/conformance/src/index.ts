/** One contract suite for each seam, run by every implementation, and what tests share: a clock, waits. */
export { ManualClock, settle } from './manual-clock.ts'
export { until } from './until.ts'
export { clockOnly, testTransport } from './transport.ts'
export type { TransportSetup } from './transport.ts'
export { testSecurity } from './security.ts'
export type { SecuritySetup } from './security.ts'
export { testMuxer } from './muxer.ts'
export type { MuxerSetup } from './muxer.ts'
