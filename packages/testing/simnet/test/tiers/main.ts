// The plan in all three tiers, real processes among them: node --conditions=@peerloom/source test/tiers/main.ts [seed] [processes]
import { processTier } from './processes.ts'
import { nodeTier, routerTier } from './virtual.ts'

const [seed = 1, processes = 3] = process.argv.slice(2).map(Number)
const show = (tier: string, { deliveries, p50Ms, p95Ms }: { deliveries: number; p50Ms: number; p95Ms: number }): void =>
  console.log(`${tier.padEnd(16)}${deliveries} deliveries, p50 ${p50Ms.toFixed(1)} ms, p95 ${p95Ms.toFixed(1)} ms`)

show('routers', routerTier(seed))
show('whole nodes', await nodeTier(seed))
show(`${processes} processes`, await processTier(seed, processes))
