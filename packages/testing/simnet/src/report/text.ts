import { formatBytes, type RunCost } from './html.ts'
import type { RunResult } from '../scenarios/run.ts'

/** A run in two lines, for terminals and logs. */
export function textReport(result: RunResult, cost?: RunCost): string {
  const { scenario, seed, logHash, configHash } = result
  const latencies = [
    ['p50', result.p50Ms],
    ['p90', result.p90Ms],
    ['p99', result.p99Ms],
    ['max', result.maxMs]
  ] as const
  const lines = [
    `${scenario.name} seed ${seed}: delivered ${(result.deliveryRatio * 100).toFixed(4)} % of ${result.published} messages, ` +
      `${latencies.map(([name, ms]) => `${name} ${ms.toFixed(1)}`).join(', ')} ms, ${result.copiesPerDelivery.toFixed(3)} copies per delivery`,
    `  ${result.events} events, log ${logHash}, configuration ${configHash}`
  ]
  if (cost !== undefined) {
    lines[1] +=
      `; ${(cost.wallMs / 1000).toFixed(1)} s wall, ${(cost.cpuMs / 1000).toFixed(1)} s CPU, ` +
      `${(result.events / cost.cpuMs / 1000).toFixed(2)} M events a CPU second, ${formatBytes(cost.rssBytes)}`
  }
  const last = result.samples.at(-1)
  if (scenario.sybils !== undefined && last !== undefined) {
    lines.push(
      `  mesh ${last.meshDegree.toFixed(2)} peers, ${(last.sybilShare * 100).toFixed(1)} % sybils at the end` +
        (result.scores.length === 0 ? '' : `; ${scoreText(result)}`)
    )
  }
  return lines.join('\n')
}

function scoreText({ scores }: RunResult): string {
  const last = scores.at(-1)
  const median = (spread: readonly number[] | undefined): string => spread?.[1]?.toFixed(1) ?? 'none'
  return `median score ${median(last?.honest)} for honest peers, ${median(last?.sybils)} for sybils`
}
