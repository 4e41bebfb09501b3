import { expect, test } from 'vitest'
import { message, Net, Rogue } from './net.ts'

const crowd = (node: ReturnType<Net['node']>, count: number, options = {}) =>
  Array.from({ length: count }, (_, at) => new Rogue(node, `peer ${at}`, options).subscribe('t'))

test('own messages go to every peer of the topic, and to the mesh alone without flood publishing', () => {
  for (const [floodPublish, reached] of [
    [true, 20],
    [false, 6]
  ] as const) {
    const node = new Net({ floodPublish }).node('node')
    node.router.subscribe('t')
    crowd(node, 20)
    node.router.heartbeat()
    expect(node.publish('t', 'm')).toHaveLength(reached)
  }
})

test('a large message goes to the mesh alone when there are many peers', () => {
  const node = new Net({ floodPublishBytes: 20_000 }).node('node')
  node.router.subscribe('t')
  crowd(node, 20)
  node.router.heartbeat()
  expect(node.publish('t', 'small', 1000)).toHaveLength(20)
  expect(node.publish('t', 'large', 1001)).toHaveLength(6)
})

test('without a subscription they go to the same few peers, for as long as something is published', () => {
  const net = new Net({ floodPublish: false })
  const node = net.node('node')
  crowd(node, 20)
  const first = node.publish('t', 'm0')
  expect(first).toHaveLength(6)
  for (let at = 1; at < 5; at++) {
    net.now += 30_000
    node.router.heartbeat()
    expect(node.publish('t', `m${at}`).toSorted()).toEqual(first.toSorted())
  }
  expect(node.router.inspect().topics).toHaveLength(1)
  net.now += 60_001
  node.router.heartbeat()
  expect(node.router.inspect().topics).toEqual([])
})

test('a peer that leaves the fanout is replaced', () => {
  const net = new Net({ floodPublish: false })
  const node = net.node('node')
  const peers = crowd(node, 20)
  const [gone] = node.publish('t', 'm0')
  peers.find(({ peer }) => peer.id === gone)?.send({ subscriptions: [{ topic: 't', subscribe: false }] })
  node.router.heartbeat()
  const next = node.publish('t', 'm1')
  expect(next).toHaveLength(6)
  expect(next).not.toContain(gone)
})

test('whom we published through is grafted first', () => {
  const net = new Net({ floodPublish: false })
  const node = net.node('node')
  crowd(node, 30)
  const reached = node.publish('t', 'm')
  node.router.subscribe('t')
  expect(node.mesh('t').toSorted()).toEqual(reached.toSorted())
})

test('a message is forwarded to the mesh, but not to who sent it, has it, or made it', () => {
  const node = new Net().node('node')
  node.router.subscribe('t')
  node.holds = true
  const [from, copy, author, other] = crowd(node, 4)
  for (const rogue of [from, copy, author, other]) {
    rogue?.graft('t')
    rogue?.got()
  }
  const sent = message('m', 't', { author: author?.peer.id ?? '' })
  from?.send({ publish: [sent] })
  copy?.send({ publish: [sent] })
  for (let held = node.held.shift(); held !== undefined; held = node.held.shift()) held.done('accept')
  expect([from, copy, author, other].map((rogue) => rogue?.messages())).toEqual([[], [], [], ['m']])
})

test('FloodSub peers and direct peers get every message of their topics', () => {
  const node = new Net({ directPeers: ['direct'] }).node('node')
  node.router.subscribe('t')
  const flood = new Rogue(node, 'flood', { protocol: '/floodsub/1.0.0' }).subscribe('t')
  const direct = new Rogue(node, 'direct').subscribe('t')
  const elsewhere = new Rogue(node, 'elsewhere', { protocol: '/floodsub/1.0.0' }).subscribe('other')
  const sender = new Rogue(node, 'sender').subscribe('t')
  sender.send({ publish: [message('m')] })
  expect([flood, direct, elsewhere].map((rogue) => rogue.messages())).toEqual([['m'], ['m'], []])
  expect(flood.got().some(({ control }) => control !== undefined)).toBe(false)
})

test('messages of topics that we are not in are dropped', () => {
  const node = new Net().node('node')
  const rogue = new Rogue(node, 'peer').subscribe('t')
  for (let at = 0; at < 1000; at++) rogue.send({ publish: [message(`m${at}`, `topic ${at}`)] })
  expect(node.router.inspect().sizes.seen).toBe(0)
  expect(node.delivered).toEqual([])
})

test('our own message that comes back is a duplicate', () => {
  const node = new Net().node('node')
  node.router.subscribe('t')
  const rogue = new Rogue(node, 'peer').subscribe('t')
  node.publish('t', 'm')
  rogue.send({ publish: [message('m')] })
  expect(node.delivered).toEqual([])
  expect(node.duplicates).toBe(1)
})

test('direct peers that are gone are connected to again, at first and every 300 heartbeats', () => {
  const node = new Net({ directPeers: ['a', 'b'] }).node('node')
  new Rogue(node, 'a')
  for (let tick = 0; tick < 301; tick++) node.router.heartbeat()
  expect(node.connects).toEqual(['b', 'b'])
})
