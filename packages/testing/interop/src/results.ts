import { appendFileSync } from 'node:fs'
import type { PubsubColumn } from './pubsub-matrix.ts'
import type { StackName } from './stacks.ts'

/** What peers speak with each other, or what they speak about. */
export type Column = StackName | PubsubColumn

/** What became of a row: a line of the file that PEERLOOM_INTEROP_RESULTS names. */
export interface RowResult {
  readonly stack: Column
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
