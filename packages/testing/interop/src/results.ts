import { appendFileSync } from 'node:fs'
import type { StackName } from './stacks.ts'

/** What became of a row: a line of the file that PEERLOOM_INTEROP_RESULTS names. */
export interface RowResult {
  readonly stack: StackName
  readonly dialler: string
  readonly listener: string
  readonly relay?: string
  /** `missing`: a peer could not be had on this machine. */
  readonly result: 'pass' | 'fail' | 'missing'
  readonly failures: readonly string[]
  /** What was not asked or asked for less, and what needed another attempt. */
  readonly notes: readonly string[]
  readonly implementations: readonly string[]
}

export function recordResult(result: RowResult): void {
  const path = process.env['PEERLOOM_INTEROP_RESULTS']
  if (path !== undefined) appendFileSync(path, `${JSON.stringify(result)}\n`)
}
