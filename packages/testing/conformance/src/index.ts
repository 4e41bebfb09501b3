/** One contract suite for each seam, run by every implementation, and what tests share: a clock, waits. */
export { ManualClock, settle } from './manual-clock.ts'
export { until } from './until.ts'
