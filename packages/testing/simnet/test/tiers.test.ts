import { expect, test } from 'vitest'
import { plan } from './tiers/plan.ts'
import { nodeTier, routerTier } from './tiers/virtual.ts'

/** How far the tiers may be apart: their meshes are drawn from different numbers. */
const margin = 0.1

const seed = 2

test('routers alone and whole nodes agree on how long a message takes, and both do the same in every run', async () => {
  const routers = routerTier(seed)
  const nodes = await nodeTier(seed)
  const everybody = plan.messages * (plan.nodes - 1)
  expect(routers.deliveries).toBe(everybody)
  expect(nodes.deliveries).toBe(everybody)
  expect(Math.abs(nodes.p50Ms / routers.p50Ms - 1)).toBeLessThan(margin)
  expect(Math.abs(nodes.p95Ms / routers.p95Ms - 1)).toBeLessThan(margin)
  expect(routerTier(seed)).toEqual(routers)
  expect(await nodeTier(seed)).toEqual(nodes)
}, 60_000)
