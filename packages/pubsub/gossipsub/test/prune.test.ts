import { expect, test } from 'vitest'
import { exchangeOf, Net, Rogue } from './net.ts'

const meshed = (options = {}) => {
  const net = new Net(options)
  const node = net.node('node')
  node.router.subscribe('t')
  const peer = new Rogue(node, 'peer').subscribe('t')
  peer.graft('t')
  peer.got()
  return { net, node, peer }
}

test.each([2 ** 64 - 1, Number.MAX_VALUE, Number.POSITIVE_INFINITY])(
  'a backoff of %d s is cut to an hour',
  (seconds) => {
    const { net, node, peer } = meshed()
    peer.send({ control: { prune: [{ topic: 't', backoffSeconds: seconds }] } })
    expect(node.mesh('t')).toEqual([])
    net.now += 3_599_000
    node.router.heartbeat()
    expect(node.mesh('t')).toEqual([])
    net.now += 4_000
    node.router.heartbeat()
    expect(node.mesh('t')).toEqual(['peer'])
  }
)

test.each([0, -1, Number.NaN, undefined])('a backoff of %s is the default', (seconds) => {
  const { net, node, peer } = meshed()
  peer.send({ control: { prune: [seconds === undefined ? { topic: 't' } : { topic: 't', backoffSeconds: seconds }] } })
  net.now += 59_000
  node.router.heartbeat()
  expect(node.mesh('t')).toEqual([])
  net.now += 4_000
  node.router.heartbeat()
  expect(node.mesh('t')).toEqual(['peer'])
})

test('backoffs are bounded, and swept', () => {
  const { net, node } = meshed({ maxBackoffs: 100 })
  for (let at = 0; at < 1000; at++) {
    const peer = new Rogue(node, `peer ${at}`).subscribe('t')
    peer.send({ control: { prune: [{ topic: 't' }, { topic: `other ${at}` }] } })
    node.router.removePeer(peer.peer)
  }
  expect(node.router.inspect().sizes.backoffs).toBe(100)
  for (let tick = 0; tick < 90; tick++) {
    net.now += 1000
    node.router.heartbeat()
  }
  expect(node.router.inspect().sizes.backoffs).toBe(0)
})

test('leaving a topic prunes the mesh, with the short backoff', () => {
  const { net, node, peer } = meshed()
  node.router.unsubscribe('t')
  expect(peer.got()).toEqual([
    { control: { prune: [{ topic: 't', backoffSeconds: 10 }] } },
    { subscriptions: [{ topic: 't', subscribe: false }] }
  ])
  node.router.subscribe('t')
  expect(node.mesh('t')).toEqual([])
  net.now += 13_000
  node.router.heartbeat()
  expect(node.mesh('t')).toEqual(['peer'])
})

test('a peer of GossipSub 1.0 gets PRUNE with nothing but the topic', () => {
  const { node } = meshed({ peerExchange: true })
  const old = new Rogue(node, 'old', { protocol: '/meshsub/1.0.0' }).subscribe('t')
  old.graft('t')
  old.got()
  node.router.unsubscribe('t')
  expect(old.got()[0]).toEqual({ control: { prune: [{ topic: 't' }] } })
})

test('who is pruned hears of at most 16 peers, with signed records', () => {
  const { node, peer } = meshed({ peerExchange: true, prunePeers: 16 })
  for (let at = 0; at < 40; at++) new Rogue(node, `other ${at}`).subscribe('t')
  node.router.unsubscribe('t')
  const [prune] = peer.got()[0]?.control?.prune ?? []
  expect(prune?.peers).toHaveLength(16)
  for (const { signedPeerRecord } of prune?.peers ?? []) expect(signedPeerRecord).toBeDefined()
})

test('peer exchange is listened to only from a good score on, and only with signed records', () => {
  const peers = [exchangeOf('a'), { peerId: new Uint8Array(3) }, exchangeOf('b')]
  const good = meshed({ score: { appScore: () => 10 } })
  good.peer.send({ control: { prune: [{ topic: 't', peers }] } })
  expect(good.node.connects).toHaveLength(2)
  for (const found of good.node.connects) expect(found).toMatchObject({ by: 'peer' })
  const unknown = meshed({ score: { appScore: () => 9 } })
  unknown.peer.send({ control: { prune: [{ topic: 't', peers }] } })
  expect(unknown.node.connects).toEqual([])
})

test('of many recommended peers, 16 are connected to', () => {
  const { node, peer } = meshed({ score: { appScore: () => 10 } })
  const peers = Array.from({ length: 5000 }, (_, at) => exchangeOf(`peer ${at}`))
  peer.send({ control: { prune: [{ topic: 't', peers }] } })
  expect(node.connects).toHaveLength(16)
})
