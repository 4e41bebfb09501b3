import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { chartsOf } from './report/charts.ts'
import { htmlReport, type ReportedRun } from './report/html.ts'
import { svgImage } from './report/line-chart.ts'
import { chartStyle } from './report/style.ts'
import { textReport } from './report/text.ts'
import { runScenario } from './scenarios/run.ts'
import type { Scenario, SybilPlan } from './scenarios/scenario.ts'
import { scenarios } from './scenarios/scenarios.ts'

const usage = `pnpm sim [scenario …]            default: small; "all" is every one, "evaluation" the 13 of GossipSub 1.1
  --list                         what there is
  --seed n                       default 1; --seeds n runs n seeds from there
  --nodes n                      honest nodes; sybils in proportion
  --rate n  --seconds n          messages a second, and how long they are published
  --bytes n                      payload of a message
  --attack n                     the second in which the attack of sybils begins that come or turn late
  --no-idontwant                 without IDONTWANT
  --report file.html             default simulation.html; --json file.json for the figures
  --charts folder                every chart as an image of its own
  --quiet                        no line for each virtual second`

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      list: { type: 'boolean' },
      help: { type: 'boolean' },
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '1' },
      nodes: { type: 'string' },
      rate: { type: 'string' },
      seconds: { type: 'string' },
      bytes: { type: 'string' },
      attack: { type: 'string' },
      'no-idontwant': { type: 'boolean' },
      report: { type: 'string', default: 'simulation.html' },
      json: { type: 'string' },
      charts: { type: 'string' },
      quiet: { type: 'boolean' }
    }
  })
  if (values.help === true) return console.log(usage)
  if (values.list === true) {
    for (const { name, about } of scenarios) console.log(`${name.padEnd(24)}${about}`)
    return
  }
  const attackS = number(values.attack)
  const attackMs = attackS === undefined ? undefined : attackS * 1000
  const change = (scenario: Scenario): Scenario => {
    const nodes = number(values.nodes) ?? scenario.nodes
    const share = nodes / scenario.nodes
    const { load, sybils } = scenario
    return {
      ...scenario,
      about: nodes === scenario.nodes ? scenario.about : `${scenario.about}; here with ${nodes} honest nodes`,
      nodes,
      load: {
        publishers: Math.max(1, Math.min(nodes, Math.round(load.publishers * Math.min(1, share)))),
        perSecond: number(values.rate) ?? load.perSecond,
        payloadBytes: number(values.bytes) ?? load.payloadBytes,
        forMs: (number(values.seconds) ?? load.forMs / 1000) * 1000
      },
      router:
        values['no-idontwant'] === true
          ? { ...scenario.router, dontWantBytes: Number.MAX_SAFE_INTEGER }
          : scenario.router,
      ...(sybils === undefined
        ? {}
        : { sybils: begun({ ...sybils, count: Math.round(sybils.count * share) }, attackMs) })
    }
  }
  const chosen = choose(positionals).map(change)
  const firstSeed = number(values.seed) ?? 1
  const runs: ReportedRun[] = []
  for (const scenario of chosen) {
    for (let seed = firstSeed; seed < firstSeed + (number(values.seeds) ?? 1); seed++) {
      const run = measured(scenario, seed, values.quiet !== true)
      console.log(textReport(run.result, run.cost))
      runs.push(run)
    }
  }
  write(values.report, htmlReport(runs))
  if (values.charts !== undefined) drawCharts(values.charts, runs)
  if (values.json !== undefined) write(values.json, JSON.stringify(runs, undefined, 1))
}

/** Sybils with another time for what they do late: to turn, or else to come. */
function begun(sybils: SybilPlan, attackMs: number | undefined): SybilPlan {
  if (attackMs === undefined) return sybils
  if (sybils.attackAtMs !== undefined) return { ...sybils, attackAtMs: attackMs }
  return sybils.connectAtMs === 0 ? sybils : { ...sybils, connectAtMs: attackMs }
}

function number(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!(value >= 0)) throw new Error(`${text} is not a number\n${usage}`)
  return value
}

function choose(names: readonly string[]): Scenario[] {
  const wanted = names.length === 0 ? ['small'] : names
  return wanted.flatMap((name) => {
    if (name === 'all') return scenarios
    if (name === 'evaluation') return scenarios.slice(scenarios.findIndex((scenario) => scenario.name === 'baseline'))
    const found = scenarios.find((scenario) => scenario.name === name)
    if (found === undefined) throw new Error(`there is no scenario ${name}\n${usage}`)
    return [found]
  })
}

function measured(scenario: Scenario, seed: number, isLoud: boolean): ReportedRun {
  const started = performance.now()
  const cpu = process.cpuUsage()
  let rssBytes = 0
  const result = runScenario(scenario, {
    seed,
    onSecond: (virtualMs, events) => {
      rssBytes = Math.max(rssBytes, process.memoryUsage.rss())
      if (isLoud && process.stderr.isTTY) {
        process.stderr.write(
          `\r${scenario.name} ${virtualMs / 1000} s, ${events} events, ${((performance.now() - started) / 1000).toFixed(1)} s wall `
        )
      }
    }
  })
  if (isLoud && process.stderr.isTTY) process.stderr.write('\r\u001B[K')
  const { user, system } = process.cpuUsage(cpu)
  return { result, cost: { wallMs: performance.now() - started, cpuMs: (user + system) / 1000, rssBytes } }
}

function drawCharts(folder: string, runs: readonly ReportedRun[]): void {
  for (const { result } of runs) {
    for (const chart of chartsOf(result)) {
      const image = svgImage(chart, chartStyle)
      const title = chart.title.split(/[,:]/)[0]?.toLowerCase().replaceAll(' ', '-')
      if (image !== undefined) write(`${folder}/${result.scenario.name}-${result.seed}-${title}.svg`, image)
    }
  }
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  console.log(`${file} written`)
}

main()
