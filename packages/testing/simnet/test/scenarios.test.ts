import { htmlReport, runScenario, type Scenario, scenarios, textReport } from '@peerloom/simnet'
import { expect, test } from 'vitest'

const named = (name: string): Scenario => scenarios.find((scenario) => scenario.name === name) as Scenario

const small = named('small')

test('200 routers of production deliver everything, and a second run is the same to the last event', () => {
  const scenario: Scenario = { ...small, load: { ...small.load, forMs: 3000 }, coolMs: 3000 }
  const first = runScenario(scenario, { seed: 3 })
  expect(first.deliveryRatio).toBe(1)
  expect(first.deliveries).toBe(first.published * 199)
  expect(first.published).toBeGreaterThanOrEqual(29)
  expect(first.p99Ms).toBeLessThan(1000)
  expect(first.copiesPerDelivery).toBeGreaterThan(1)
  expect(runScenario(scenario, { seed: 3 })).toEqual(first)
  expect(runScenario(scenario, { seed: 4 }).logHash).not.toBe(first.logHash)
})

test('IDONTWANT saves copies where messages are large and uplinks small', () => {
  const scenario: Scenario = { ...small, load: { ...small.load, payloadBytes: 50_000, forMs: 3000 }, coolMs: 5000 }
  const told = runScenario(scenario)
  const pushed = runScenario({ ...scenario, router: { dontWantBytes: Number.MAX_SAFE_INTEGER } })
  expect(told.deliveryRatio).toBe(1)
  expect(pushed.deliveryRatio).toBe(1)
  expect(told.sent.idontwant.count).toBeGreaterThan(0)
  expect(pushed.sent.idontwant.count).toBe(0)
  expect(told.copiesPerDelivery).toBeLessThan(pushed.copiesPerDelivery - 0.5)
})

/** An attack of the evaluation, twentieth of its size. */
const twentieth = (name: string): Scenario => {
  const scenario = named(name)
  const sybils = scenario.sybils as NonNullable<Scenario['sybils']>
  return {
    ...scenario,
    nodes: 50,
    load: { ...scenario.load, publishers: 10, perSecond: 20, forMs: 40_000 },
    coolMs: 10_000,
    sybils: { ...sybils, count: sybils.count / 20, connectAtMs: Math.min(sybils.connectAtMs, 40_000) }
  }
}

test('sybils that are there from the beginning are in meshes, are found out, and keep nothing back', () => {
  const result = runScenario(twentieth('cold-boot'))
  const shares = result.samples.map(({ sybilShare }) => sybilShare)
  expect(Math.max(...shares)).toBeGreaterThan(0.3)
  expect(result.deliveryRatio).toBe(1)
  const last = result.scores.at(-1)
  expect(last?.honest[1]).toBeGreaterThan(last?.sybils?.[1] as number)
})

test('who censors one publisher does not silence it', () => {
  const result = runScenario(twentieth('censor-single'))
  expect(result.deliveryRatio).toBe(1)
  expect(result.samples.at(-1)?.sybilShare).toBeGreaterThan(0)
})

test('the mesh that is counted is the mesh that routers have', () => {
  const { samples } = runScenario({ ...small, load: { ...small.load, forMs: 1000 }, coolMs: 1000 })
  const degree = samples.at(-1)?.meshDegree as number
  expect(degree).toBeGreaterThanOrEqual(5)
  expect(degree).toBeLessThanOrEqual(12)
})

test('the evaluation of GossipSub 1.1 is a baseline and twelve attacks', () => {
  const attacks = scenarios.filter(({ sybils }) => sybils !== undefined)
  expect(attacks.length).toBe(12)
  expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length)
  for (const { sybils } of attacks) expect(sybils?.count).toBeLessThanOrEqual(4000)
})

test('a report is a page of its own, with every figure drawn', () => {
  const result = runScenario(twentieth('dawn'), { seed: 2 })
  const html = htmlReport([{ result, cost: { wallMs: 10, cpuMs: 9, rssBytes: 1 << 20 } }])
  expect(html.match(/<svg /g)?.length).toBe(5)
  expect(html).toContain(result.logHash)
  expect(html).not.toMatch(/NaN|undefined|Infinity|https?:|<script/)
  expect(textReport(result)).toContain(result.logHash)
})
