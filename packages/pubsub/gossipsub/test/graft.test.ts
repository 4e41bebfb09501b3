import { expect, test } from 'vitest'
import { Net, Rogue } from './net.ts'

const subscribed = (options = {}) => {
  const net = new Net(options)
  const node = net.node('node')
  node.router.subscribe('t')
  return { net, node }
}
const prunes = (rogue: Rogue) => rogue.got().flatMap(({ control }) => control?.prune ?? [])

test('a GRAFT of a subscriber is taken', () => {
  const { node } = subscribed()
  const peer = new Rogue(node, 'peer').subscribe('t')
  peer.graft('t')
  expect(node.mesh('t')).toEqual(['peer'])
  expect(prunes(peer)).toEqual([])
})

test('a GRAFT for a topic that is not ours, or that the peer is not in, leaves nothing behind', () => {
  const { node } = subscribed()
  const peer = new Rogue(node, 'peer')
  for (let at = 0; at < 10_000; at++) peer.graft(`fresh ${at}`)
  peer.graft('t')
  expect(node.router.inspect().topics).toHaveLength(1)
  expect(node.mesh('t')).toEqual([])
  expect(node.router.inspect().sizes.backoffs).toBe(0)
  expect(peer.peer.topics.size).toBe(0)
  expect(peer.got().flatMap(({ control }) => control?.prune ?? [])).toEqual([])
})

test('a GRAFT in the backoff is refused, costs the peer, and starts the backoff anew', () => {
  const { net, node } = subscribed()
  const peer = new Rogue(node, 'peer').subscribe('t')
  peer.graft('t')
  peer.send({ control: { prune: [{ topic: 't', backoffSeconds: 60 }] } })
  net.now += 55_000
  peer.got()
  peer.graft('t')
  expect(node.mesh('t')).toEqual([])
  expect(prunes(peer)).toEqual([{ topic: 't', backoffSeconds: 60 }])
  expect(peer.peer.score.behaviour).toBe(1)
  // 60 s from the first PRUNE are over, from the second not.
  net.now += 10_000
  peer.graft('t')
  expect(node.mesh('t')).toEqual([])
  net.now += 60_001
  node.router.heartbeat()
  for (let tick = 0; tick < 120; tick++) {
    net.now += 1000
    node.router.heartbeat()
  }
  peer.graft('t')
  expect(node.mesh('t')).toEqual(['peer'])
})

test('a GRAFT right after a PRUNE costs twice, and a flood of them ends on the graylist', () => {
  const { net, node } = subscribed()
  const peer = new Rogue(node, 'peer').subscribe('t')
  peer.graft('t')
  peer.send({ control: { prune: [{ topic: 't' }] } })
  net.now += 100
  peer.graft('t')
  expect(peer.peer.score.behaviour).toBe(2)
  for (let at = 0; at < 100; at++) peer.graft('t')
  expect(peer.score).toBeLessThan(-80)
  const before = peer.peer.score.behaviour
  peer.graft('t')
  expect(peer.peer.score.behaviour).toBe(before)
  expect(peer.got().length).toBeLessThan(10)
})

test('the backoff outlives the connection', () => {
  const { net, node } = subscribed()
  const peer = new Rogue(node, 'peer').subscribe('t')
  peer.graft('t')
  peer.send({ control: { prune: [{ topic: 't' }] } })
  node.router.removePeer(peer.peer)
  net.now += 1000
  const again = new Rogue(node, 'peer').subscribe('t')
  again.graft('t')
  expect(node.mesh('t')).toEqual([])
  expect(again.peer.score.behaviour).toBeGreaterThan(0)
})

test('we do not graft a peer in the backoff, nor in its slack', () => {
  const { net, node } = subscribed()
  const peer = new Rogue(node, 'peer', { outbound: true }).subscribe('t')
  peer.send({ control: { prune: [{ topic: 't', backoffSeconds: 10 }] } })
  for (let second = 1; second <= 12; second++) {
    net.now += 1000
    node.router.heartbeat()
    expect(node.mesh('t'), `after ${second} s`).toEqual([])
  }
  net.now += 1000
  node.router.heartbeat()
  expect(node.mesh('t')).toEqual(['peer'])
})

test('whoever has a bad score is refused, without a recommendation', () => {
  const { node } = subscribed({ peerExchange: true, score: { appScore: (id: string) => (id === 'bad' ? -1 : 0) } })
  new Rogue(node, 'good').subscribe('t')
  const peer = new Rogue(node, 'bad').subscribe('t')
  peer.got()
  peer.graft('t')
  expect(node.mesh('t')).not.toContain('bad')
  expect(prunes(peer)).toEqual([{ topic: 't', backoffSeconds: 60 }])
})

test('a full mesh takes only peers that we dialled', () => {
  const { node } = subscribed()
  for (let at = 0; at < 12; at++) new Rogue(node, `in ${at}`).subscribe('t').graft('t')
  expect(node.mesh('t')).toHaveLength(12)
  const stranger = new Rogue(node, 'stranger').subscribe('t')
  stranger.graft('t')
  expect(node.mesh('t')).not.toContain('stranger')
  expect(prunes(stranger)).toHaveLength(1)
  new Rogue(node, 'dialled', { outbound: true }).subscribe('t').graft('t')
  expect(node.mesh('t')).toContain('dialled')
})

test('a direct peer is in no mesh, and its GRAFT is refused', () => {
  const { node } = subscribed({ directPeers: ['direct'] })
  const peer = new Rogue(node, 'direct').subscribe('t')
  peer.graft('t')
  node.router.heartbeat()
  expect(node.mesh('t')).toEqual([])
  expect(prunes(peer)).toHaveLength(1)
})
