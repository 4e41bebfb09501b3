import { gossipsubRouter, type GossipsubRouter } from '@peerloom/gossipsub'
import { PeerloomError } from '@peerloom/interface'
import { textHash } from '../engine/event-log.ts'
import { Random } from '../engine/random.ts'
import type { RpcKind } from '../network/kinds.ts'
import type { Link } from '../network/link.ts'
import type { SimMessage } from '../network/message.ts'
import { Network } from '../network/network.ts'
import { Recorder, type Sample } from '../network/recorder.ts'
import { oneRegion, world } from '../network/regions.ts'
import { RouterResident } from '../network/router-resident.ts'
import { Sybil } from '../network/sybil.ts'
import { type Edge, fullTopology, growingTopology, randomTopology } from '../network/topology.ts'
import type { Scenario, SybilPlan } from './scenario.ts'

export interface RunOptions {
  /** Default 1. */
  readonly seed?: number
  /** Called after every second of virtual time. */
  readonly onSecond?: (virtualMs: number, events: number) => void
}

/** Scores that honest nodes give, at a moment: the median and the lowest and highest tenth. */
export interface ScoreSample {
  readonly atMs: number
  readonly honest: readonly [low: number, median: number, high: number]
  readonly sybils: readonly [low: number, median: number, high: number] | undefined
}

/** What came of a run. Nothing in it depends on the machine: the same scenario and seed give the same result. */
export interface RunResult {
  readonly scenario: Scenario
  readonly seed: number
  readonly configHash: string
  readonly logHash: string
  readonly events: number
  readonly virtualMs: number
  readonly connections: number
  readonly published: number
  readonly deliveries: number
  /** The share of deliveries that there should be. */
  readonly deliveryRatio: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Copies that honest nodes were sent, for each message that they did not know. */
  readonly copiesPerDelivery: number
  /** Messages that were asked for by IWANT. */
  readonly asked: number
  readonly sent: Readonly<Record<RpcKind, { readonly count: number; readonly bytes: number }>>
  /** The share of deliveries that had been made after so many ms. */
  readonly cdf: readonly (readonly [ms: number, share: number])[]
  readonly samples: readonly Sample[]
  readonly scores: readonly ScoreSample[]
}

type Router = GossipsubRouter<SimMessage, Link>

const topic = 'blocks'
const scoreEveryMs = 5000
const homeUplink = (_node: number, random: Random): number => (random.float() < 0.2 ? 1024 : 50)

/** Runs a scenario from its start to its end, with routers of production. */
export function runScenario(scenario: Scenario, options: RunOptions = {}): RunResult {
  const { seed = 1, onSecond } = options
  const { sybils, load, warmMs, coolMs } = scenario
  if (load.publishers > scenario.nodes) {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `${load.publishers} publishers among ${scenario.nodes} nodes`)
  }
  const honest = scenario.nodes
  const { latency, bandwidth } = scenario
  const network = new Network({
    nodes: honest + (sybils?.count ?? 0),
    seed,
    regions: latency === 'world' ? world : oneRegion(latency),
    ...(bandwidth === 'home' ? { uplinkMbps: homeUplink } : {}),
    ...(scenario.loss === undefined ? {} : { loss: scenario.loss }),
    ...(scenario.validationMs === undefined ? {} : { validationMs: scenario.validationMs })
  })
  const recorder = new Recorder(network, (node) => node < honest)
  const plans = new Random(seed + 1)
  const routers = new Map<number, Router>()
  const arrive = (node: number): void => {
    const resident = new RouterResident(network, node, {
      makeRouter: (host) => {
        const router = gossipsubRouter(host, scenario.router)
        routers.set(node, router)
        return router
      },
      deliver: recorder.deliver,
      trace: recorder.trace
    })
    network.place(node, resident)
    resident.router.subscribe(topic)
    recorder.setReceivers(routers.size)
  }
  for (let node = 0; node < honest; node++) arrive(node)
  const { connectAtMs = 0 } = scenario
  for (const [from, to] of edgesOf(scenario, plans)) dialAt(network, connectAtMs, plans, from, to)
  if (sybils !== undefined) settleSybils(network, scenario, sybils, plans)
  if (scenario.churn !== undefined) {
    const leave = (node: number): void => {
      routers.delete(node)
      recorder.setReceivers(routers.size)
      network.vacate(node)
    }
    scheduleChurn(network, scenario, plans, { arrive, leave, isThere: (node) => routers.has(node) })
  }

  for (let node = 0; node < load.publishers; node++) schedulePublisher(network, node, scenario, plans)
  const totalMs = warmMs + load.forMs + coolMs
  recorder.sampleEvery(1000, totalMs)
  const scores: ScoreSample[] = []
  for (let ms = 1000; ms <= totalMs; ms += 1000) {
    network.run(1000)
    if (ms % scoreEveryMs === 0 && scenario.router.score !== false)
      scores.push(sampleScores(network, [...routers.values()], honest))
    onSecond?.(ms, network.log.events)
  }
  const { latency: latencies } = recorder
  return {
    scenario,
    seed,
    configHash: textHash(JSON.stringify(scenario)),
    logHash: network.log.digest(),
    events: network.log.events,
    virtualMs: network.nowMs,
    connections: network.connections,
    published: recorder.published,
    deliveries: recorder.deliveries,
    deliveryRatio: recorder.expected === 0 ? 0 : recorder.deliveries / recorder.expected,
    p50Ms: latencies.quantile(0.5),
    p90Ms: latencies.quantile(0.9),
    p99Ms: latencies.quantile(0.99),
    maxMs: latencies.max,
    copiesPerDelivery: recorder.deliveries === 0 ? 0 : recorder.copies / recorder.deliveries,
    asked: recorder.asked,
    sent: network.sent.byKind(),
    cdf: latencies.cdf(200),
    samples: recorder.samples,
    scores
  }
}

function edgesOf({ topology, nodes, dials }: Scenario, random: Random): Edge[] {
  if (topology === 'full') return fullTopology(nodes)
  return topology === 'random' ? randomTopology(nodes, dials, random) : growingTopology(nodes, dials, random)
}

/** As the evaluation does: 5 to 15 % later than planned. */
function dialAt(network: Network, atMs: number, random: Random, from: number, to: number): void {
  const dial = (): void => void network.connect(from, to)
  if (atMs === 0) dial()
  else network.call(atMs * (1.05 + 0.1 * random.float()), dial)
}

function settleSybils(network: Network, scenario: Scenario, plan: SybilPlan, random: Random): void {
  const { nodes: honest, load } = scenario
  const reach = { anyone: honest, publishers: load.publishers, 'first publisher': 1 }[plan.target]
  for (let at = 0; at < plan.count; at++) {
    const node = honest + at
    const place = Math.floor(at / plan.perIp)
    const sybil = new Sybil(network, node, {
      degrade: plan.degrade,
      censors: plan.censorsFirstPublisher === true ? 0 : undefined,
      attacksAtMs: plan.attackAtMs ?? 0,
      ips: [`172.16.${place >>> 8}.${place & 255}`]
    })
    network.place(node, sybil)
    for (const target of random.sample(Math.min(plan.dials, reach), reach)) {
      dialAt(network, plan.connectAtMs, random, node, target)
    }
  }
}

/** Every publisher at its own, even pace. */
function schedulePublisher(network: Network, node: number, { warmMs, load }: Scenario, random: Random): void {
  const everyMs = (1000 * load.publishers) / load.perSecond
  const endMs = warmMs + load.forMs
  const publish = (): void => {
    network.publish(node, topic, load.payloadBytes)
    if (network.nowMs + everyMs < endMs) network.call(everyMs, publish)
  }
  const firstMs = warmMs + random.float() * everyMs
  if (firstMs < endMs) network.call(firstMs, publish)
}

interface Lives {
  arrive(node: number): void
  leave(node: number): void
  isThere(node: number): boolean
}

function scheduleChurn(network: Network, scenario: Scenario, random: Random, lives: Lives): void {
  const { nodes, dials, load, warmMs, churn } = scenario
  if (churn === undefined || nodes === load.publishers) return
  const endMs = warmMs + load.forMs
  const comeBack = (node: number): void => {
    lives.arrive(node)
    for (const other of random.sample(Math.min(nodes, dials), nodes)) network.connect(node, other)
  }
  const leave = (): void => {
    const node = load.publishers + random.below(nodes - load.publishers)
    if (lives.isThere(node)) {
      lives.leave(node)
      network.call(churn.awayMs, () => comeBack(node))
    }
    if (network.nowMs < endMs) network.call(1000 / churn.perSecond, leave)
  }
  network.call(warmMs, leave)
}

function sampleScores(network: Network, routers: readonly Router[], honest: number): ScoreSample {
  const ofHonest: number[] = []
  const ofSybils: number[] = []
  for (const { peers } of routers) {
    for (const peer of peers.values()) (peer.handle.remote < honest ? ofHonest : ofSybils).push(peer.score.value)
  }
  const spread = (values: number[]): [number, number, number] => {
    const sorted = Float64Array.from(values).toSorted()
    const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0
    return [at(0.1), at(0.5), at(0.9)]
  }
  return {
    atMs: network.nowMs,
    honest: spread(ofHonest),
    sybils: ofSybils.length === 0 ? undefined : spread(ofSybils)
  }
}
