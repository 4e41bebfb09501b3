/** One contract suite for each seam, run by every implementation, and what tests share: a clock, waits, limits. */
export { CountingScope } from './counting-scope.ts'
export { ManualClock, settle } from './manual-clock.ts'
export { overChannels, testMuxer } from './muxer.ts'
export type { MuxerLink, MuxerUnderTest } from './muxer.ts'
export { seededRandom } from './seeded-random.ts'
export type { SeededRandom } from './seeded-random.ts'
export { until } from './until.ts'
