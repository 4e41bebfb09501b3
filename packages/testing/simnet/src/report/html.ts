import { type RpcKind, rpcKinds } from '../network/kinds.ts'
import type { RunResult } from '../scenarios/run.ts'
import { chartsOf } from './charts.ts'
import { escapeHtml, lineChart } from './line-chart.ts'
import { style } from './style.ts'

/** What the machine says of a run. Not part of its result, which is the same on every machine. */
export interface RunCost {
  readonly wallMs: number
  readonly cpuMs: number
  readonly rssBytes: number
}

export interface ReportedRun {
  readonly result: RunResult
  readonly cost?: RunCost
}

const percent = (share: number, digits = 2): string => `${(share * 100).toFixed(digits)} %`
const whole = (value: number): string => Math.round(value).toLocaleString('en-US')
const ms = (value: number): string => `${value < 100 ? value.toFixed(1) : whole(value)} ms`

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let at = 0
  let value = bytes
  for (; value >= 1024 && at < units.length - 1; at++) value /= 1024
  return `${at === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[at]}`
}

/** A page with everything that is known of the runs: it needs nothing from elsewhere, and reads well in light and dark. */
export function htmlReport(runs: readonly ReportedRun[]): string {
  const title = runs.length === 1 ? `Simulation: ${runs[0]?.result.scenario.name}` : `${runs.length} simulations`
  const body = [
    `<h1>${escapeHtml(title)}</h1>`,
    '<p class="lead">Routers of production in a network under virtual time. The same seed and configuration give the same hash.</p>',
    summary(runs),
    ...runs.map(section)
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body><main>
${body.join('\n')}
</main></body>
</html>
`
}

function summary(runs: readonly ReportedRun[]): string {
  const head = [
    'scenario',
    'seed',
    'delivered',
    'p50',
    'p90',
    'p99',
    'max',
    'copies',
    'events',
    'wall',
    'memory',
    'hash'
  ]
  const rows = runs.map(({ result, cost }) => [
    result.scenario.name,
    String(result.seed),
    percent(result.deliveryRatio, 3),
    ms(result.p50Ms),
    ms(result.p90Ms),
    ms(result.p99Ms),
    ms(result.maxMs),
    result.copiesPerDelivery.toFixed(2),
    whole(result.events),
    cost === undefined ? '' : `${(cost.wallMs / 1000).toFixed(1)} s`,
    cost === undefined ? '' : formatBytes(cost.rssBytes),
    `<code>${result.logHash}</code>`
  ])
  return table(head, rows)
}

/** Cells are HTML. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]): string => row.map((cell) => `<${tag}>${cell}</${tag}>`).join('')
  return `<div class="scroll"><table><thead><tr>${cells('th', head)}</tr></thead><tbody>${rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('')}</tbody></table></div>`
}

function section({ result, cost }: ReportedRun): string {
  const { scenario } = result
  return `<section>
<h2>${escapeHtml(scenario.name)}</h2>
<p>${escapeHtml(scenario.about)}.</p>
${tiles(result)}
<div class="charts">${chartsOf(result).map(lineChart).join('')}</div>
${traffic(result)}
${facts(result, cost)}
</section>`
}

function tiles(result: RunResult): string {
  const facts: [string, string][] = [
    [percent(result.deliveryRatio, 3), 'delivered'],
    [ms(result.p50Ms), 'median latency'],
    [ms(result.p99Ms), 'p99'],
    [result.copiesPerDelivery.toFixed(2), 'copies per delivery']
  ]
  return `<div class="tiles">${facts.map(([value, name]) => `<div><b>${value}</b><span>${name}</span></div>`).join('')}</div>`
}

function traffic({ sent }: RunResult): string {
  const kinds = rpcKinds.filter((kind) => sent[kind].bytes > 0)
  const total = kinds.reduce((sum, kind) => sum + sent[kind].bytes, 0)
  const row = (kind: RpcKind): string[] => {
    const { count, bytes } = sent[kind]
    return [kind, whole(count), formatBytes(bytes), percent(bytes / total)]
  }
  return `<h3>What was sent</h3>${table(['kind', 'count', 'bytes', 'share'], kinds.map(row))}`
}

function facts(result: RunResult, cost: RunCost | undefined): string {
  const { scenario } = result
  const rows: [string, string][] = [
    [
      'nodes',
      `${whole(scenario.nodes)}${scenario.sybils === undefined ? '' : ` and ${whole(scenario.sybils.count)} sybils`}`
    ],
    ['connections', whole(result.connections)],
    ['messages', `${whole(result.published)} of ${formatBytes(scenario.load.payloadBytes)}`],
    ['asked for by IWANT', whole(result.asked)],
    ['virtual time', `${result.virtualMs / 1000} s`],
    ['seed', String(result.seed)],
    ['configuration', `<code>${result.configHash}</code>`],
    ['events', `${whole(result.events)}, <code>${result.logHash}</code>`]
  ]
  if (cost !== undefined) {
    rows.push(
      ['wall time', `${(cost.wallMs / 1000).toFixed(1)} s, CPU ${(cost.cpuMs / 1000).toFixed(1)} s`],
      ['wall time for a virtual second', `${((cost.wallMs / result.virtualMs) * 1000).toFixed(0)} ms`],
      ['events for a second of CPU', whole((result.events / cost.cpuMs) * 1000)],
      ['memory', formatBytes(cost.rssBytes)]
    )
  }
  return `<h3>The run</h3>${table(['', ''], rows)}<details><summary>Configuration</summary><pre>${escapeHtml(JSON.stringify(scenario, undefined, 2))}</pre></details>`
}
