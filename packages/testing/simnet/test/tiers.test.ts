import { expect, test } from 'vitest'
import { apart, margin, plan } from './tiers/plan.ts'
import { nodeTier, routerTier } from './tiers/virtual.ts'

const seed = 2

test('routers alone and whole nodes agree on how long a message takes, and both do the same in every run', async () => {
  const routers = routerTier(seed)
  const nodes = await nodeTier(seed)
  const everybody = plan.measured * (plan.nodes - 1)
  expect(routers.deliveries).toBe(everybody)
  expect(nodes.deliveries).toBe(everybody)
  expect(apart(nodes, routers)).toBeLessThan(margin)
  expect(routerTier(seed)).toEqual(routers)
  expect(await nodeTier(seed)).toEqual(nodes)
}, 60_000)
