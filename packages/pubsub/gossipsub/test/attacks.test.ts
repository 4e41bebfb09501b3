import { decayIn } from '@peerloom/gossipsub'
import type { Rpc } from '@peerloom/pubsub'
import { expect, test } from 'vitest'
import { message, Net, type Node, Rogue, type TestMessage } from './net.ts'

const honest = (net: Net, count: number): Node[] => {
  const nodes = net.many(count, 'honest ')
  // Each dials the next few: a ring with chords, as a network that grew would be.
  for (const [at, node] of nodes.entries()) {
    for (const step of [1, 2, 5, 11]) {
      const other = nodes[(at + step) % count] as Node
      if (!node.router.peers.has(other.name)) net.connect(node, other)
    }
  }
  for (const node of nodes) node.router.subscribe('t')
  return nodes
}
/** Sybils that graft whom they can, and forward while they behave. */
const besiege = (nodes: readonly Node[], sybilsEach: number): Map<Node, Rogue[]> =>
  new Map(
    nodes.map((node) => [
      node,
      Array.from({ length: sybilsEach }, (_, at) => {
        const sybil = new Rogue(node, `sybil ${at} of ${node.name}`).subscribe('t')
        sybil.graft('t')
        return sybil
      })
    ])
  )
const sybilShare = (nodes: readonly Node[]): number => {
  const mesh = nodes.flatMap((node) => node.mesh('t'))
  return mesh.filter((id) => id.startsWith('sybil')).length / mesh.length
}
const score = {
  defaultTopic: {
    meshDeliveriesWeight: -100,
    meshDeliveriesThreshold: 1,
    meshDeliveriesDecay: decayIn(20_000),
    meshDeliveriesActivationMs: 10_000,
    meshDeliveriesWindowMs: 50,
    meshFailureWeight: -1
  }
}

test('sybils that graft everybody and say nothing hold nothing back, and are out of the meshes soon', () => {
  const net = new Net({ floodPublish: false, score })
  const nodes = honest(net, 20)
  besiege(nodes, 30)
  net.run(2000)
  expect(sybilShare(nodes)).toBeGreaterThan(0.3)
  for (let at = 0; at < 40; at++) {
    nodes[at % 20]?.publish('t', `m${at}`)
    net.run(1000)
  }
  expect(sybilShare(nodes)).toBeLessThan(0.05)
  net.run(5000)
  for (const [at, node] of nodes.entries()) {
    const own = [...Array(40).keys()].filter((message) => message % 20 === at).length
    expect(node.delivered).toHaveLength(40 - own)
  }
})

test('sybils that behave for long and then go silent at once (covert flash) hold nothing back', () => {
  const net = new Net({ floodPublish: false, score })
  const nodes = honest(net, 15)
  const sybils = besiege(nodes, 15)
  let isSilent = false
  /** A sybil passes on at once what its victim sends it, to the sybils of all others. */
  const relay = (): void => {
    const heard = new Map<string, TestMessage>()
    for (const group of sybils.values()) {
      for (const sybil of group)
        for (const rpc of sybil.got()) for (const one of rpc.publish ?? []) heard.set(one.id, one)
    }
    if (isSilent) return
    for (const group of sybils.values())
      for (const sybil of group.slice(0, 4)) sybil.send({ publish: [...heard.values()] })
  }
  const publish = (at: number): void => {
    nodes[at % 15]?.publish('t', `m${at}`)
    relay()
    net.pump()
    net.run(1000)
  }
  for (let at = 0; at < 30; at++) publish(at)
  isSilent = true
  for (let at = 30; at < 60; at++) publish(at)
  net.run(5000)
  for (const [at, node] of nodes.entries()) {
    const own = [...Array(60).keys()].filter((message) => message % 15 === at).length
    expect(new Set(node.delivered).size).toBe(60 - own)
  }
  expect(sybilShare(nodes)).toBeLessThan(0.3)
})

test('sybils that advertise first and never deliver do not hold a message back', () => {
  const net = new Net({ floodPublish: false })
  const node = net.node('victim')
  node.router.subscribe('t')
  const sybils = Array.from({ length: 7 }, (_, at) => new Rogue(node, `sybil ${at}`).subscribe('t'))
  const friend = new Rogue(node, 'friend').subscribe('t')
  const ihave = { control: { ihave: [{ topic: 't', ids: ['m'] }] } }
  for (const sybil of sybils) sybil.send(ihave)
  friend.send(ihave)
  let seconds = 0
  const isAsked = (): boolean => friend.got().some(({ control }) => control?.iwant?.flat().includes('m'))
  while (!isAsked() && seconds < 10) {
    seconds++
    net.now += 1000
    node.router.heartbeat()
  }
  // Within the five heartbeats that the friend keeps it.
  expect(seconds).toBeLessThanOrEqual(4)
  friend.send({ publish: [message('m')] })
  expect(node.delivered).toEqual(['m'])
})

test('a flood of RPCs of all kinds grows nothing over its bound', () => {
  const net = new Net()
  const node = net.node('victim')
  node.router.subscribe('t')
  const rogue = new Rogue(node, 'flooder').subscribe('t')
  const random = net.random
  const any = (): string => `${Math.floor(random() * 1e9)}`
  for (let at = 0; at < 20_000; at++) {
    rogue.send({
      subscriptions: [{ topic: any(), subscribe: random() < 0.8 }],
      control: {
        ihave: [{ topic: 't', ids: [any(), any()] }],
        iwant: [[any()]],
        graft: ['t', any()],
        prune: [{ topic: any(), backoffSeconds: random() * 1e19 }],
        idontwant: [[any(), any()]]
      }
    })
    if (at % 1000 === 0) {
      net.now += 1000
      node.router.heartbeat()
    }
  }
  const { sizes, peers, topics } = node.router.inspect()
  expect(topics).toHaveLength(1)
  expect(peers[0]?.topics).toBeLessThanOrEqual(1024)
  expect(peers[0]?.unwanted).toBeLessThanOrEqual(10_000)
  expect(sizes.promises).toBeLessThanOrEqual(20_000)
  expect(sizes.backoffs).toBeLessThanOrEqual(1)
})

test.each<[string, (at: number) => Rpc<TestMessage>]>([
  ['GRAFT of fresh topics', (at) => ({ control: { graft: names(at, 1000) } })],
  ['PRUNE of fresh topics', (at) => ({ control: { prune: names(at, 1000).map((topic) => ({ topic })) } })],
  ['IWANT of messages that nobody has', (at) => ({ control: { iwant: [names(at, 1000)] } })],
  ['IDONTWANT of messages that nobody has', (at) => ({ control: { idontwant: [names(at, 1000)] } })],
  [
    'subscriptions to fresh topics',
    (at) => ({ subscriptions: names(at, 1000).map((topic) => ({ topic, subscribe: at % 2 === 0 })) })
  ]
])('an endless flood of %s costs the score, and the busiest honest peer keeps its', (_, flood) => {
  const net = new Net()
  const node = net.node('victim')
  node.router.subscribe('t')
  const rogue = new Rogue(node, 'flooder').subscribe('t')
  const busy = new Rogue(node, 'busy').subscribe('t')
  for (let at = 0; at < 200; at++) rogue.send(flood(at))
  expect(rogue.score).toBeLessThan(-80)
  // All that the bounds of a heartbeat let through.
  busy.send({ subscriptions: names(0, 5000).map((topic) => ({ topic, subscribe: true })) })
  busy.send({ control: { ihave: [{ topic: 't', ids: names(1, 5000) }], iwant: [names(2, 5000)] } })
  for (let at = 0; at < 1000; at++) busy.send({ control: { idontwant: [names(at, 10)] } })
  expect(busy.score).toBe(0)
})

const names = (at: number, count: number): string[] => Array.from({ length: count }, (_, index) => `${at} ${index}`)
