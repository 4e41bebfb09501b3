import { htmlReport, runScenario, type Scenario, scenarios, textReport } from '@peerloom/simnet'
import { expect, test } from 'vitest'

const named = (name: string): Scenario => scenarios.find((scenario) => scenario.name === name) as Scenario

const small = named('small')

test('200 routers of production deliver everything, and a second run is the same to the last event', () => {
  const scenario: Scenario = { ...small, load: { ...small.load, forMs: 3000 }, coolMs: 3000 }
  const first = runScenario(scenario, { seed: 3 })
  expect(first.deliveryRatio).toBe(1)
  expect(first.deliveries).toBe(first.published * 199)
  expect(first.published).toBeGreaterThanOrEqual(20)
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

/** An attack of the evaluation on 40 nodes, with as many sybils for each and fewer messages. */
const onForty = (name: string, secondsOfLoad: number): Scenario => {
  const scenario = named(name)
  const sybils = scenario.sybils as NonNullable<Scenario['sybils']>
  const share = 40 / scenario.nodes
  return {
    ...scenario,
    nodes: 40,
    dials: 8,
    warmMs: 5000,
    load: { ...scenario.load, publishers: 10, perSecond: 5, forMs: secondsOfLoad * 1000 },
    coolMs: 5000,
    sybils: { ...sybils, count: sybils.count * share, dials: 10, connectAtMs: Math.min(sybils.connectAtMs, 10_000) }
  }
}

test('sybils that are there from the beginning get into meshes and keep nothing back', () => {
  const result = runScenario(onForty('cold-boot', 20))
  expect(Math.max(...result.samples.map(({ sybilShare }) => sybilShare))).toBeGreaterThan(0.3)
  expect(result.deliveryRatio).toBe(1)
})

test('sybils that forward nothing lose their places when deliveries are due', () => {
  // P3 counts from a minute after GRAFT on.
  const result = runScenario(onForty('cold-boot', 80))
  const shares = result.samples.map(({ sybilShare }) => sybilShare)
  const late = shares.slice(-10)
  // They come back when their backoff is over.
  expect(Math.max(...late)).toBeLessThan(Math.max(...shares) * 0.7)
  const last = result.scores.at(-1)
  expect(last?.honest[0]).toBeGreaterThan(last?.sybils?.[0] as number)
  expect(result.deliveryRatio).toBe(1)
})

test('who censors one publisher does not silence it', () => {
  const result = runScenario(onForty('censor-single', 20))
  expect(result.samples.at(-1)?.sybilShare).toBeGreaterThan(0)
  expect(result.deliveryRatio).toBe(1)
})

test('nodes that come and go miss what is said while they are away, and nobody else misses anything', () => {
  const churn = named('churn')
  const result = runScenario({
    ...churn,
    nodes: 100,
    dials: 8,
    warmMs: 5000,
    load: { ...churn.load, publishers: 20, perSecond: 5, forMs: 20_000 },
    churn: { perSecond: 2, awayMs: 5000 }
  })
  // Those who leave with a message on its way to them, two in a second; those who come back get some by gossip.
  expect(result.deliveryRatio).toBeGreaterThan(0.99)
  expect(result.deliveryRatio).toBeLessThan(1.05)
  expect(result.samples.at(-1)?.meshDegree).toBeGreaterThan(4)
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
  const result = runScenario(onForty('dawn', 10), { seed: 2 })
  const html = htmlReport([{ result, cost: { wallMs: 10, cpuMs: 9, rssBytes: 1 << 20 } }])
  expect(html.match(/<svg /g)?.length).toBe(5)
  expect(html).toContain(result.logHash)
  expect(html).not.toMatch(/NaN|undefined|Infinity|https?:|<script/)
  expect(textReport(result)).toContain(result.logHash)
})
