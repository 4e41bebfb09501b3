import { cpus, loadavg, totalmem } from 'node:os'
import type { DriverName, Stack } from './driver.ts'
import { median } from './statistics.ts'
import type { Figures } from './workloads.ts'

/** What a row promises: a figure against js-libp2p's, against a limit's, or as it is. */
export interface Goal {
  readonly figure: string
  /** Whose figure. Default `peerloom`. */
  readonly by?: DriverName
  readonly atLeast?: number
  readonly atMost?: number
  /** Compare with this driver's figure of the same run; without it the figure itself is judged. */
  readonly of?: DriverName
}

export interface Row {
  readonly name: string
  readonly workload: string
  /** Default `tcp`. */
  readonly stack?: Stack
  readonly size: number
  /** A smaller amount for js-libp2p, where the full one takes a minute; figures are rates all the same. */
  readonly jsSize?: number
  readonly drivers: readonly DriverName[]
  readonly identify?: boolean
  readonly windowBytes?: number
  /** Of the workload `gossip`: what is in a message. */
  readonly messageBytes?: number
  readonly goals: readonly Goal[]
}

export interface RowResult {
  readonly row: string
  /** All rounds, by driver. */
  readonly rounds: Readonly<Partial<Record<DriverName, readonly Figures[]>>>
  readonly medians: Readonly<Partial<Record<DriverName, Figures>>>
  readonly goals: readonly (Goal & { readonly reached: boolean; readonly value: number })[]
}

/** Medians of rounds, figure by figure. */
export function mediansOf(rounds: readonly Figures[]): Figures {
  const names = Object.keys(rounds[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(rounds.map((round) => round[name] ?? Number.NaN))]))
}

export function judge(goal: Goal, medians: RowResult['medians']): { reached: boolean; value: number } {
  const ours = medians[goal.by ?? 'peerloom']?.[goal.figure] ?? Number.NaN
  const value = goal.of === undefined ? ours : ours / (medians[goal.of]?.[goal.figure] ?? Number.NaN)
  return { value, reached: value >= (goal.atLeast ?? -Infinity) && value <= (goal.atMost ?? Infinity) }
}

const short = (value: number): string => {
  if (!Number.isFinite(value)) return '-'
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en')
  return value.toPrecision(3)
}

/** One row as text: figures by driver, then goals. */
export function printRow(result: RowResult): void {
  console.log(`\n${result.row}`)
  const drivers = Object.keys(result.medians) as DriverName[]
  const figures = Object.keys(result.medians.peerloom ?? result.medians[drivers[0] as DriverName] ?? {})
  const width = Math.max(...figures.map((name) => name.length), 8)
  console.log(`  ${''.padEnd(width)} ${drivers.map((name) => name.padStart(15)).join(' ')}`)
  for (const figure of figures) {
    const values = drivers.map((name) => short(result.medians[name]?.[figure] ?? Number.NaN).padStart(15))
    console.log(`  ${figure.padEnd(width)} ${values.join(' ')}`)
  }
  for (const goal of result.goals) {
    const bound = goal.atLeast === undefined ? `<= ${goal.atMost}` : `>= ${goal.atLeast}`
    const against = goal.of === undefined ? '' : ` x ${goal.of}`
    const by = goal.by === undefined ? '' : `${goal.by}: `
    console.log(`  ${goal.reached ? 'ok  ' : 'MISS'} ${by}${goal.figure} ${bound}${against}: ${short(goal.value)}`)
  }
}

export function machine(): Record<string, unknown> {
  return {
    date: new Date().toISOString(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    load: loadavg().map((value) => Number(value.toFixed(2)))
  }
}
