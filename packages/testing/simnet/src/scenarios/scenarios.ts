import { evaluation } from './evaluation.ts'
import type { Scenario } from './scenario.ts'
import { spreading } from './spread.ts'

/** All scenarios that have a name. */
export const scenarios: readonly Scenario[] = [...spreading, ...evaluation]
