import { type RpcKind, rpcKinds } from '../network/kinds.ts'
import type { RunResult } from '../scenarios/run.ts'
import type { Scenario } from '../scenarios/scenario.ts'
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
  const { scenario, samples, scores, cdf } = result
  const hasSybils = scenario.sybils !== undefined
  const seconds = (at: number): number => at / 1000
  const marks = marksOf(scenario)
  const loaded = samples.filter(({ deliveries }) => deliveries > 0)
  const charts = [
    lineChart({
      title: 'Latency of deliveries, share of all',
      xLabel: 'ms from publishing',
      yLabel: 'delivered',
      yMax: 1,
      formatY: (share) => percent(share, 0),
      series: [{ name: 'delivered', colour: 1, points: [[0, 0], ...cdf] }]
    }),
    lineChart({
      title: 'Latency over time',
      xLabel: 'virtual seconds',
      yLabel: 'ms',
      marks,
      series: [
        { name: 'p99', colour: 2, points: loaded.map((one) => [seconds(one.atMs), one.p99Ms]) },
        { name: 'median', colour: 1, points: loaded.map((one) => [seconds(one.atMs), one.p50Ms]) }
      ]
    }),
    lineChart({
      title: 'Peers in the mesh of an honest node',
      xLabel: 'virtual seconds',
      yLabel: 'peers',
      marks,
      series: [
        { name: 'all', colour: 1, points: samples.map((one) => [seconds(one.atMs), one.meshDegree]) },
        ...(hasSybils
          ? [
              {
                name: 'sybils',
                colour: 2 as const,
                points: samples.map((one) => [seconds(one.atMs), one.meshDegree * one.sybilShare] as const)
              }
            ]
          : [])
      ]
    }),
    hasSybils
      ? lineChart({
          title: 'Share of sybils in honest meshes',
          xLabel: 'virtual seconds',
          yLabel: 'share',
          yMax: 1,
          marks,
          formatY: (share) => percent(share, 0),
          series: [{ name: 'sybils', colour: 2, points: samples.map((one) => [seconds(one.atMs), one.sybilShare]) }]
        })
      : lineChart({
          title: 'Copies that were sent for each delivery',
          xLabel: 'virtual seconds',
          yLabel: 'copies',
          series: [
            { name: 'copies', colour: 1, points: loaded.map((one) => [seconds(one.atMs), one.copiesPerDelivery]) }
          ]
        }),
    ...(hasSybils && scores.length > 1
      ? [
          lineChart({
            title: 'Scores that honest nodes give: median and lowest tenth',
            xLabel: 'virtual seconds',
            yLabel: 'score',
            marks,
            series: [
              { name: 'honest peers', colour: 1, points: scores.map((one) => [seconds(one.atMs), one.honest[1]]) },
              {
                name: 'honest, lowest tenth',
                colour: 1,
                isFaint: true,
                points: scores.map((one) => [seconds(one.atMs), one.honest[0]])
              },
              { name: 'sybils', colour: 2, points: scores.map((one) => [seconds(one.atMs), one.sybils?.[1] ?? 0]) },
              {
                name: 'sybils, lowest tenth',
                colour: 2,
                isFaint: true,
                points: scores.map((one) => [seconds(one.atMs), one.sybils?.[0] ?? 0])
              }
            ]
          })
        ]
      : [])
  ]
  return `<section>
<h2>${escapeHtml(scenario.name)}</h2>
<p>${escapeHtml(scenario.about)}.</p>
${tiles(result)}
<div class="charts">${charts.join('')}</div>
${traffic(result)}
${facts(result, cost)}
</section>`
}

function marksOf({ sybils, connectAtMs = 0, warmMs, load }: Scenario): { x: number; label: string }[] {
  const marks = [{ x: warmMs / 1000, label: 'first message' }]
  if (load.forMs > 0) marks.push({ x: (warmMs + load.forMs) / 1000, label: 'last' })
  if (sybils === undefined) return marks
  const attackAt = sybils.attackAtMs ?? sybils.connectAtMs
  if (attackAt > 0) marks.push({ x: attackAt / 1000, label: 'attack' })
  if (connectAtMs > 0 && sybils.connectAtMs === 0) marks.push({ x: connectAtMs / 1000, label: '' })
  return marks.filter(({ label }) => label !== '')
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
