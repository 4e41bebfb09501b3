// What the router costs by itself: no wire, no signatures. CPU time of one thread.
// Run: node --expose-gc --conditions=@peerloom/source packages/pubsub/gossipsub/test/router.bench.ts [name of a row]
import { gossipsubRouter, type GossipsubRouter, type GossipsubRouterOptions } from '@peerloom/gossipsub'
import type { Message, RouterHost, RouterPeer } from '@peerloom/pubsub'
import { seeded } from './net.ts'

type BenchPeer = RouterPeer<Message, undefined>

interface World {
  readonly router: GossipsubRouter<Message, undefined>
  readonly peers: BenchPeer[]
  /** A list, as the host has: a Set that is filled and cleared all the time keeps its old tables alive, and the collector busy. */
  readonly waiting: BenchPeer[]
  now: number
  delivered: number
}

function world(options: GossipsubRouterOptions<Message, undefined> = {}): World {
  const waiting: BenchPeer[] = []
  const host: RouterHost<Message, undefined> = {
    now: () => made.now,
    random: seeded(1),
    wake: (peer) => void waiting.push(peer),
    validate: (_, __, done) => done('accept'),
    deliver: () => void made.delivered++,
    connect: () => {},
    drop: () => {}
  }
  const made: World = { router: undefined as never, peers: [], waiting, now: 0, delivered: 0 }
  return Object.assign(made, { router: gossipsubRouter(host, options) })
}

function join(made: World, count: number, topics: readonly string[]): void {
  for (let at = 0; at < count; at++) {
    const peer = made.router.addPeer({
      id: `peer ${at}`,
      handle: undefined,
      protocol: '/meshsub/1.2.0',
      outbound: at % 3 === 0
    })
    made.peers.push(peer)
    made.router.receive(peer, { subscriptions: topics.map((topic) => ({ topic, subscribe: true })) })
    drain(made)
  }
  for (const topic of topics) {
    made.router.subscribe(topic)
    drain(made)
  }
}

function drain({ waiting }: World): number {
  let items = 0
  for (const peer of waiting) while (peer.queue.shift() !== undefined) items++
  waiting.length = 0
  return items
}

// Of this thread: others on the machine, and helpers that collect garbage, do not count.
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** As the wire makes them: every copy has an id of its own, cut from bytes. */
function idsOf(start: number, count: number): string[] {
  const bytes = Buffer.alloc(38)
  return Array.from({ length: count }, (_, at) => {
    bytes.writeUInt32LE(start + at, 30)
    return bytes.toString('latin1')
  })
}

/** Nanoseconds for a first copy and for a duplicate, with each message coming from several mesh peers. */
function receive(
  copies: number,
  options: GossipsubRouterOptions<Message, undefined>
): { first: number; again: number } {
  const made = world({ dontWantBytes: 1e9, ...options })
  join(made, 50, ['t'])
  for (let tick = 0; tick < 5; tick++) made.router.heartbeat()
  const senders = made.router.meshPeers('t').slice(0, copies)
  const batch = 1000
  const rounds = 200
  const total = { first: 0, again: 0 }
  for (let round = 0; round < rounds; round++) {
    for (const [sender, peer] of senders.entries()) {
      const rpcs = idsOf(round * batch, batch).map((id) => ({ publish: [{ id, topic: 't', bytes: 300 }] }))
      const started = cpuMs()
      for (const rpc of rpcs) made.router.receive(peer, rpc)
      if (round >= rounds / 5) total[sender === 0 ? 'first' : 'again'] += cpuMs() - started
      drain(made)
    }
    made.now += 1000
    made.router.heartbeat()
    drain(made)
  }
  if (made.delivered !== batch * rounds) throw new Error(`${made.delivered} delivered`)
  const measured = batch * rounds * 0.8
  return { first: (total.first / measured) * 1e6, again: (total.again / measured / (senders.length - 1)) * 1e6 }
}

/** Milliseconds of heartbeats: the mean of CPU time, then p50, p99 and the worst by the clock, where others count, too. */
function heartbeats(peers: number, topicCount: number, messagesPerTopic: number, ticks: number): number[] {
  const made = world()
  const topics = Array.from({ length: topicCount }, (_, at) => `/eth2/01020304/beacon_attestation_${at}/ssz_snappy`)
  join(made, peers, topics)
  const times: number[] = []
  let total = 0
  let id = 0
  for (let tick = 0; tick < ticks; tick++) {
    for (const topic of topics) {
      const mesh = made.router.meshPeers(topic)
      for (let count = 0; count < messagesPerTopic; count++) {
        const from = mesh[count % mesh.length]
        if (from !== undefined)
          made.router.receive(from, { publish: [{ id: `message number ${id++}`, topic, bytes: 300 }] })
      }
    }
    drain(made)
    made.now += 1000
    const [cpu, started] = [cpuMs(), performance.now()]
    made.router.heartbeat()
    if (tick >= ticks / 5) {
      times.push(performance.now() - started)
      total += cpuMs() - cpu
    }
    drain(made)
  }
  times.sort((a, b) => a - b)
  return [
    total / times.length,
    times[times.length >> 1],
    times[Math.floor(times.length * 0.99)],
    times.at(-1)
  ] as number[]
}

/** Bytes of heap for each router and each peer of it. */
function memory(routers: number, peersEach: number): number {
  const gc = (globalThis as { gc?: () => void }).gc
  if (gc === undefined) return Number.NaN
  const all: World[] = []
  gc()
  const before = process.memoryUsage().heapUsed
  for (let at = 0; at < routers; at++) {
    const made = world()
    join(made, peersEach, ['t'])
    made.router.heartbeat()
    drain(made)
    all.push(made)
  }
  gc()
  return (process.memoryUsage().heapUsed - before) / routers / peersEach / (all.length / routers)
}

const ns = (value: number): string => `${value.toFixed(0)} ns`
const ms = (values: readonly number[]): string =>
  `mean of CPU, p50, p99, worst by the clock: ${values.map((value) => value.toFixed(2)).join(', ')} ms`
const p3 = { defaultTopic: { meshDeliveriesWeight: -0.1, meshDeliveriesWindowMs: 2000 } }
const rows: [string, () => string][] = [
  ['first copy', () => ns(receive(6, {}).first)],
  ['duplicate', () => ns(receive(6, {}).again)],
  ['duplicate, P3 counts', () => ns(receive(6, { score: p3 }).again)],
  ['duplicate, gater', () => ns(receive(6, { gater: true }).again)],
  ['heartbeat, 1,000 peers x 64 topics, idle', () => ms(heartbeats(1000, 64, 0, 300))],
  ['heartbeat, 1,000 peers x 64 topics, 5 messages/s each', () => ms(heartbeats(1000, 64, 5, 150))],
  ['heartbeat, 1,000 peers x 64 topics, 45 messages/s each', () => ms(heartbeats(1000, 64, 45, 100))],
  ['heartbeat, 50 peers x 1 topic, 100 messages/s', () => ms(heartbeats(50, 1, 100, 1000))],
  ['heap of a peer, 50 peers a router', () => `${memory(200, 50).toFixed(0)} B`]
]
const only = process.argv[2]
for (const [name, run] of rows)
  if (only === undefined || name.includes(only)) console.log(`${name.padEnd(56)} ${run()}`)
