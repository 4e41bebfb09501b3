import type { PlainRouterOptions, Scenario, SybilPlan } from './scenario.ts'

/**
 * The 13 configurations of the evaluation of GossipSub 1.1 (arXiv 2007.02754), with the parameters of
 * libp2p/gossipsub-hardening, `scripts/configs`: a baseline and twelve attacks on 1,000 honest nodes.
 */
const topicScore = {
  topicWeight: 0.25,
  timeInMeshWeight: 0.0027,
  timeInMeshQuantumMs: 1000,
  timeInMeshCap: 3600,
  firstDeliveriesWeight: 0.664,
  firstDeliveriesDecay: 0.9916,
  firstDeliveriesCap: 1500,
  meshDeliveriesWeight: -0.25,
  meshDeliveriesDecay: 0.997,
  meshDeliveriesCap: 400,
  meshDeliveriesThreshold: 10,
  meshDeliveriesActivationMs: 60_000,
  meshDeliveriesWindowMs: 5,
  meshFailureWeight: -0.25,
  meshFailureDecay: 0.997,
  invalidWeight: -99,
  invalidDecay: 0.9994
}

const score = {
  defaultTopic: topicScore,
  topicScoreCap: 0,
  colocationWeight: 0,
  colocationThreshold: 1,
  // It came with the final specification: the evaluated version had no P7.
  behaviourWeight: 0,
  thresholds: { gossip: -4000, publish: -5000, graylist: -10_000, acceptExchange: 0, opportunisticGraft: 0 },
  decayIntervalMs: 1000,
  decayToZero: 0.01,
  retainMs: 30_000
}

const router: PlainRouterOptions = {
  degrees: { target: 8, low: 6, high: 12, score: 6, outbound: 2 },
  gossipPeers: 12,
  heartbeatMs: 1000,
  floodPublish: true,
  opportunisticGraftTicks: 60,
  score
}

/** Grafts better peers six times as often, and as soon as the median of a mesh is below the threshold. */
const grafting = (threshold: number): PlainRouterOptions => ({
  ...router,
  opportunisticGraftTicks: 10,
  score: { ...score, thresholds: { ...score.thresholds, opportunisticGraft: threshold } }
})

const minute = 60_000
const baseline: Scenario = {
  name: 'baseline',
  about: '1,000 honest nodes, 100 of which publish',
  nodes: 1000,
  topology: 'random',
  dials: 20,
  latency: 25,
  bandwidth: 'unlimited',
  warmMs: 30_000,
  load: { publishers: 100, perSecond: 120, payloadBytes: 2048, forMs: 3 * minute },
  coolMs: 30_000,
  router
}

const attack = (name: string, about: string, sybils: SybilPlan, others: Partial<Scenario> = {}): Scenario => ({
  ...baseline,
  ...others,
  name,
  about,
  sybils
})

/** They come a minute after the start, when meshes have been there for a while. */
const late: SybilPlan = { count: 4000, dials: 100, target: 'anyone', connectAtMs: minute, perIp: 16, degrade: 1 }
/** They are there from the beginning. */
const early: SybilPlan = { ...late, dials: 20, connectAtMs: 0 }
/** Honest nodes connect after the sybils have. */
const dawnMs = 10_000
const long = { load: { ...baseline.load, forMs: 5 * minute } }

export const evaluation: readonly Scenario[] = [
  baseline,
  attack('eclipse-single', '1,000 sybils connect to one publisher and drop everything', {
    ...late,
    count: 1000,
    dials: 1,
    perIp: 4,
    target: 'first publisher'
  }),
  attack('eclipse-network', '4,000 sybils connect to 100 nodes each and drop everything', late),
  attack('eclipse-publishers', '1,000 sybils connect to all publishers and drop everything', {
    ...late,
    count: 1000,
    perIp: 4,
    target: 'publishers'
  }),
  attack('censor-single', '2,000 sybils drop what one publisher sends', {
    ...late,
    count: 2000,
    perIp: 8,
    degrade: 0,
    censorsFirstPublisher: true
  }),
  attack('degrade', '2,000 sybils drop half of what they should forward', {
    ...late,
    count: 2000,
    perIp: 8,
    degrade: 0.5
  }),
  attack('cold-boot', '4,000 sybils are there when honest nodes connect for the first time', early),
  attack('cold-boot-grafting', 'the same, with opportunistic grafting every 10 s below a score of 1', early, {
    router: grafting(1)
  }),
  attack(
    'covert-flash',
    '4,000 sybils behave for two minutes, then drop everything at once',
    { ...early, attackAtMs: 2 * minute },
    long
  ),
  attack(
    'covert-flash-grafting',
    'the same; honest nodes connect 10 s later and graft better peers every 10 s below a score of 10',
    { ...early, attackAtMs: 2 * minute },
    { ...long, connectAtMs: dawnMs, router: grafting(10) }
  ),
  attack('dawn', '4,000 sybils are connected 10 s before honest nodes connect to each other', early, {
    connectAtMs: dawnMs
  }),
  attack('dawn-grafting', 'the same, with opportunistic grafting every 10 s below a score of 10', early, {
    connectAtMs: dawnMs,
    router: grafting(10)
  }),
  attack(
    'colocation',
    '4,000 sybils from 25 addresses, which count against them',
    { ...early, perIp: 160 },
    { router: { ...router, score: { ...score, colocationWeight: -10 } } }
  )
]
