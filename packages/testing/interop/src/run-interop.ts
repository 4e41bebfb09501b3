// The matrix: builds the foreign peers, runs the rows, prints the table.
//
//   pnpm interop                      ours with everybody
//   pnpm interop --all                also the others among each other
//   pnpm interop ws gossipsub         these columns only
//   pnpm interop --all --update       also refreshes docs/interop.md and results.json
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { kuboColumns } from './kubo.ts'
import { columnNames } from './matrix.ts'
import { buildForeignPeer } from './peer-build.ts'
import { pubsubColumns } from './pubsub-matrix.ts'
import type { RowResult } from './results.ts'
import { resultsTable } from './results-table.ts'

const root = new URL('../../../../', import.meta.url)
const kept = new URL('../results.json', import.meta.url)
const page = new URL('docs/interop.md', root)
const [begin, end] = ['<!-- results:begin -->', '<!-- results:end -->']

const chosen = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const unknown = chosen.find((name) => !columnNames.some((column) => column === name))
if (unknown !== undefined) throw new Error(`unknown column ${unknown}, expected one of: ${columnNames.join(', ')}`)

const asksFor = (columns: readonly string[]): boolean =>
  chosen.length === 0 || columns.some((column) => chosen.includes(column))
const tests = {
  matrix: asksFor(columnNames.filter((name) => !pubsubColumns.some((column) => column === name))),
  kubo: asksFor(kuboColumns),
  pubsub: asksFor(pubsubColumns)
}
const needed = [
  'go',
  'rust',
  ...(tests.matrix ? ['npm' as const] : []),
  ...(tests.kubo ? ['kubo' as const] : [])
] as const
for (const kind of needed) await buildForeignPeer(kind)

const folder = mkdtempSync(join(tmpdir(), 'peerloom-results-'))
const file = join(folder, 'rows.ndjson')
writeFileSync(file, '')
const status = await runTests({
  PEERLOOM_INTEROP: process.argv.includes('--all') ? 'all' : 'own',
  PEERLOOM_INTEROP_RESULTS: file,
  ...(chosen.length > 0 ? { PEERLOOM_INTEROP_STACKS: chosen.join(',') } : {})
})
const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
const ran = lines.map((line) => JSON.parse(line) as RowResult)
rmSync(folder, { recursive: true })

console.log(`\n${resultsTable(ran, root)}\n`)
if (process.argv.includes('--update')) update(ran)
process.exitCode = status

/** Rows that did not run this time stay as they were. */
function update(latest: readonly RowResult[]): void {
  const known = JSON.parse(readFileSync(kept, 'utf8')) as readonly RowResult[]
  const key = ({ stack, dialler, listener, relay }: RowResult): string =>
    `${stack} ${dialler} ${listener} ${relay ?? ''}`
  const merged = new Map([...known, ...latest].map((row) => [key(row), row]))
  const order = (row: RowResult): number => columnNames.indexOf(row.stack)
  const results = [...merged.values()].toSorted((one, two) => order(one) - order(two))
  writeFileSync(kept, `${JSON.stringify(results, null, 2)}\n`)
  const text = readFileSync(page, 'utf8')
  const [before = '', rest = ''] = text.split(begin)
  writeFileSync(page, `${before}${begin}\n\n${resultsTable(results, root)}\n\n${end}${rest.split(end)[1] ?? ''}`)
}

function runTests(env: Record<string, string>): Promise<number> {
  const args = [
    'exec',
    'vitest',
    'run',
    '--config',
    'vitest.workspace.ts',
    '--project',
    'node',
    ...Object.entries(tests)
      .filter(([, isAsked]) => isAsked)
      .map(([name]) => `packages/testing/interop/test/${name}.test.ts`)
  ]
  const child = spawn('pnpm', args, { cwd: fileURLToPath(root), env: { ...process.env, ...env }, stdio: 'inherit' })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}
