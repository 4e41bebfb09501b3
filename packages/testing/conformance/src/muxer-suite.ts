/** For muxers: their contract, and what their own tests are built on. Also for browsers. */
export { CountingScope } from './counting-scope.ts'
export { settle } from './manual-clock.ts'
export { overChannels, testMuxer } from './muxer.ts'
export type { MuxerLink, MuxerUnderTest } from './muxer.ts'
export { echo, muxerAgainstBytes, muxerPair, muxerSide, readAll } from './muxer-side.ts'
export type { MuxerSide, MuxerSideOptions } from './muxer-side.ts'
export { fuzzMuxer } from './muxer-fuzz.ts'
export type { FuzzedMuxer, MuxerRole } from './muxer-fuzz.ts'
