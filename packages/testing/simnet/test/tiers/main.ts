// The plan in all three tiers, real processes among them: pnpm sim:reality [seed] [processes]. Fails when they are further apart
// than they may be.
import { apart, margin, type TierResult } from './plan.ts'
import { processTier } from './processes.ts'
import { nodeTier, routerTier } from './virtual.ts'

const [seed = 1, processes = 3] = process.argv.slice(2).map(Number)

const real = await processTier(seed, processes)
const show = (tier: string, result: TierResult): void => {
  const { deliveries, p50Ms, p95Ms } = result
  const off = (100 * apart(result, real)).toFixed(1)
  console.log(
    `${tier.padEnd(16)}${deliveries} deliveries, p50 ${p50Ms.toFixed(1)} ms, p95 ${p95Ms.toFixed(1)} ms, ${off} % off reality`
  )
  if (!(apart(result, real) <= margin)) process.exitCode = 1
}
show('routers', routerTier(seed))
show('whole nodes', await nodeTier(seed))
show(`${processes} processes`, real)
