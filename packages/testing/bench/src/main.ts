// pnpm bench [--rounds 5] [--only up,echo] [--drivers peerloom,js-libp2p] [--json file] [--profile dir]
import { mkdirSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import type { DriverName } from './driver.ts'
import { runGossip, runPair, runReplay, runStartUp } from './pair.ts'
import { judge, machine, mediansOf, printRow, type RowResult } from './report.ts'
import { rows } from './rows.ts'
import type { Figures } from './workloads.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
    drivers: { type: 'string' },
    json: { type: 'string', default: 'bench-results/latest.json' },
    profile: { type: 'string' }
  },
  allowPositionals: true
})
const only = values.only?.split(',')
const drivers = values.drivers?.split(',')

/** Waits a little for a quiet machine; a noisy one is noted in the report's load. */
async function quiet(): Promise<void> {
  for (let waited = 0; waited < 6 && (loadavg()[0] ?? 0) > 1.5; waited++) {
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

const results: RowResult[] = []
for (const row of rows) {
  if (only !== undefined && !only.includes(row.stack === undefined ? row.workload : `${row.stack}-${row.workload}`))
    continue
  const chosen = row.drivers.filter((name) => drivers === undefined || drivers.includes(name))
  const rounds: Partial<Record<DriverName, Figures[]>> = {}
  for (let round = 0; round < Number(values.rounds); round++) {
    // Interleaved: what disturbs one driver in a round disturbs its neighbours as well.
    for (const driver of chosen) {
      await quiet()
      const options = {
        identify: row.identify === true,
        stack: row.stack ?? 'tcp',
        ...(row.windowBytes === undefined ? {} : { windowBytes: row.windowBytes }),
        ...(values.profile === undefined ? {} : { profile: values.profile })
      }
      const list = (rounds[driver] ??= [])
      const size = driver === 'js-libp2p' ? (row.jsSize ?? row.size) : row.size
      if (row.workload === 'start-up') list.push(await runStartUp(driver))
      else if (row.workload === 'replay') list.push(await runReplay(driver, size, values.profile))
      else if (row.messageBytes !== undefined)
        list.push(await runGossip(driver, row.messageBytes, size, values.profile))
      else list.push(await runPair(driver, row.workload, size, options))
    }
  }
  const medians: Partial<Record<DriverName, Figures>> = {}
  for (const driver of chosen) medians[driver] = mediansOf(rounds[driver] ?? [])
  const result = {
    row: row.name,
    rounds,
    medians,
    goals: row.goals.map((goal) => ({ ...goal, ...judge(goal, medians) })).filter((goal) => Number.isFinite(goal.value)) // a driver that was left out
  }
  results.push(result)
  printRow(result)
}
mkdirSync(dirname(values.json), { recursive: true })
writeFileSync(
  values.json,
  `${JSON.stringify({ machine: machine(), rounds: Number(values.rounds), results }, null, 2)}\n`
)
console.log(`\nwritten to ${values.json}`)
