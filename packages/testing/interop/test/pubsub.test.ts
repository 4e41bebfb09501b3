import { afterAll, describe, it } from 'vitest'
import {
  foreignPubsubRows,
  ownPubsubRows,
  pubsubColumns,
  pubsubGap,
  type PubsubCheckName
} from '../src/pubsub-matrix.ts'
import { recordResult } from '../src/results.ts'
import { pubsubChecks } from './pubsub/checks.ts'
import { Missing, Network } from './pubsub/network.ts'

const checkTimeoutMs = 100_000

/** `pnpm interop` asks for 'own', `pnpm interop --all` for 'all'; a plain run of all tests has the rows in which we dial. */
const asked = process.env['PEERLOOM_INTEROP'] ?? 'tcp'
const columnsAsked = process.env['PEERLOOM_INTEROP_STACKS']?.split(',')
const rows = pubsubColumns.flatMap((column) => {
  if (columnsAsked?.includes(column) === false) return []
  const own = ownPubsubRows(column)
  if (asked === 'all') return [...own, ...foreignPubsubRows(column)]
  return asked === 'own' ? own : own.filter(({ dialler }) => dialler === 'peerloom')
})

describe.each(rows.map((row) => ({ title: `${row.stack}: ${row.dialler} with ${row.listener}`, row })))(
  '$title',
  ({ row }) => {
    const { stack: column, dialler, listener } = row
    const failures: string[] = []
    const notes: string[] = []
    let missing: string | undefined

    afterAll(() => {
      const result = missing !== undefined ? 'missing' : failures.length > 0 ? 'fail' : 'pass'
      recordResult({ ...row, result, failures, notes, implementations: [] })
    })

    for (const [name, check] of Object.entries(pubsubChecks[column])) {
      const reason = pubsubGap(name as PubsubCheckName, row)
      if (reason !== undefined) {
        notes.push(`${name}: ${reason}`)
        it.skip(`${name}: ${reason}`)
        continue
      }
      it(name, { timeout: checkTimeoutMs }, async (context) => {
        const network = new Network()
        try {
          await check({ network, column, dialler, listener })
        } catch (error) {
          if (error instanceof Missing) {
            missing = error.message
            context.skip(`SKIPPED: ${error.message} cannot be had here`)
          }
          failures.push(`${name}: ${String(error).split('\n')[0]}`)
          throw error
        } finally {
          await network.stop()
        }
      })
    }
  }
)
