import { decayIn, type ScoreOptions, type TopicScoreOptions } from '@peerloom/gossipsub'
import { expect, test } from 'vitest'
import { message, Net, Rogue } from './net.ts'

/** Nothing counts but what a test names, and nothing decays that it can notice. */
const slow = 0.999_999
const nothing: TopicScoreOptions = {
  timeInMeshWeight: 0,
  firstDeliveriesWeight: 0,
  firstDeliveriesDecay: slow,
  meshDeliveriesDecay: slow,
  meshFailureDecay: slow,
  invalidWeight: 0,
  invalidDecay: slow
}
const scored = (topic: TopicScoreOptions, more: ScoreOptions = {}) => {
  const score = { defaultTopic: { ...nothing, ...topic }, topicScoreCap: 0, behaviourDecay: slow, ...more }
  const net = new Net({ score })
  const node = net.node('node')
  node.router.subscribe('t')
  const peer = (name: string, ips?: string[]): Rogue =>
    new Rogue(node, name, { outbound: true, ...(ips && { ips }) }).subscribe('t')
  const beat = (count = 1): void => {
    for (let tick = 0; tick < count; tick++) {
      net.now += 1000
      node.router.heartbeat()
    }
  }
  return { net, node, peer, beat }
}

test('P1: time in the mesh counts, up to its cap', () => {
  const { peer, beat } = scored({ timeInMeshWeight: 0.5, timeInMeshCap: 10 })
  const [inside, outside] = [peer('inside'), peer('outside')]
  outside?.send({ control: { prune: [{ topic: 't', backoffSeconds: 3600 }] } })
  inside?.graft('t')
  beat(5)
  expect(inside?.score).toBeCloseTo(2.5)
  expect(outside?.score).toBe(0)
  beat(20)
  expect(inside?.score).toBeCloseTo(5)
})

test('P2: who delivers first is credited, up to the cap, and credit decays', () => {
  const { peer, beat } = scored({
    firstDeliveriesWeight: 2,
    firstDeliveriesCap: 5,
    firstDeliveriesDecay: decayIn(10_000)
  })
  const [first, second] = [peer('first'), peer('second')]
  for (let at = 0; at < 10; at++) for (const rogue of [first, second]) rogue?.send({ publish: [message(`m${at}`)] })
  beat()
  expect(first?.score).toBeCloseTo(10 * decayIn(10_000))
  expect(second?.score).toBe(0)
  beat(20)
  expect(first?.score).toBe(0)
})

test('P3: a mesh peer that delivers less than expected is punished, once it was there for long enough', () => {
  const { peer, beat, net } = scored({
    meshDeliveriesWeight: -1,
    // The heartbeat that sees the deficit prunes for it, and then it counts as P3b.
    meshFailureWeight: -1,
    meshDeliveriesThreshold: 5,
    meshDeliveriesActivationMs: 3000,
    meshDeliveriesWindowMs: 100
  })
  const [first, copies, late, idle] = ['first', 'copies', 'late', 'idle'].map((name) => peer(name))
  for (const rogue of [first, copies, late, idle]) rogue?.graft('t')
  for (let at = 0; at < 5; at++) {
    const publish = [message(`m${at}`)]
    first?.send({ publish })
    copies?.send({ publish })
    // The same copy again is no other delivery.
    if (at === 0) for (let again = 0; again < 5; again++) copies?.send({ publish })
    net.now += 200
    late?.send({ publish })
  }
  beat(2)
  expect([first, copies, late, idle].map((rogue) => rogue?.score)).toEqual([0, 0, 0, 0])
  beat(2)
  expect(first?.score).toBeCloseTo(0, 3)
  expect(copies?.score).toBeCloseTo(0, 3)
  expect(late?.score).toBeCloseTo(-25)
  expect(idle?.score).toBeCloseTo(-25)
})

test('P3: copies that came while the message was validated count', () => {
  const { node, peer, beat } = scored({
    meshDeliveriesWeight: -1,
    meshFailureWeight: -1,
    meshDeliveriesThreshold: 1,
    meshDeliveriesActivationMs: 0,
    meshDeliveriesWindowMs: 0
  })
  node.holds = true
  const [first, second] = [peer('first'), peer('second')]
  for (const rogue of [first, second]) {
    rogue?.graft('t')
    rogue?.send({ publish: [message('m')] })
  }
  node.held.shift()?.done('accept')
  node.held.shift()?.done('accept')
  beat()
  expect(second?.score).toBeCloseTo(0, 4)
})

test('P3b: what a peer owed when it was pruned sticks', () => {
  const { peer, beat } = scored({
    meshDeliveriesWeight: -1,
    meshDeliveriesThreshold: 4,
    meshDeliveriesActivationMs: 0,
    meshFailureWeight: -2
  })
  const rogue = peer('peer')
  rogue.graft('t')
  beat()
  // Active and in deficit: pruned for its score at once, and then P3b is what is left.
  expect(rogue.score).toBeCloseTo(-32, 2)
})

test('P4: invalid messages count by their square', () => {
  const { peer } = scored({ invalidWeight: -1, topicWeight: 0.5 })
  const rogue = peer('peer')
  for (let at = 1; at <= 4; at++) {
    rogue.send({ publish: [message(`m${at}`, 't', { verdict: 'reject' })] })
    expect(rogue.score).toBeCloseTo(-0.5 * at ** 2)
  }
})

test('P5: the application has its say', () => {
  let app = 7
  const { peer, beat } = scored({}, { appScore: () => app, appWeight: 2 })
  const rogue = peer('peer')
  expect(rogue.score).toBe(14)
  app = -3
  beat()
  expect(rogue.score).toBe(-6)
})

test('P6: more peers of an IP than are allowed pay for it, by the square', () => {
  const { node, peer, beat } = scored(
    {},
    { colocationThreshold: 3, colocationWeight: -1, colocationAllowed: (ip) => ip === 'ours' }
  )
  const crowd = Array.from({ length: 5 }, (_, at) => peer(`peer ${at}`, ['1.2.3.4']))
  const allowed = Array.from({ length: 5 }, (_, at) => peer(`allowed ${at}`, ['ours']))
  const alone = peer('alone', ['4.3.2.1'])
  beat()
  for (const rogue of crowd) expect(rogue.score).toBe(-4)
  for (const rogue of allowed) expect(rogue.score).toBe(0)
  expect(alone.score).toBe(0)
  for (const rogue of [...crowd, ...allowed, alone]) node.router.removePeer(rogue.peer)
  // Whoever left with a bad score is still there as far as its IP is concerned.
  expect(node.router.inspect().sizes.ips).toBe(1)
  beat(3601)
  expect(node.router.inspect().sizes).toMatchObject({ ips: 0, retainedScores: 0 })
})

test('P7: breaches count by the square of those over the threshold', () => {
  const { net, peer } = scored({}, { behaviourThreshold: 1, behaviourWeight: -1 })
  const rogue = peer('peer')
  rogue.send({ control: { prune: [{ topic: 't' }] } })
  net.now += 15_000
  const scores = [1, 2, 3].map(() => {
    rogue.graft('t')
    net.now += 15_000
    return rogue.score
  })
  expect(scores).toEqual([0, -1, -4])
})

test('the topics of a peer together count up to the cap, punishments in full', () => {
  const { peer, beat } = scored(
    { firstDeliveriesWeight: 1, firstDeliveriesCap: 100, invalidWeight: -1 },
    { topicScoreCap: 10 }
  )
  const rogue = peer('peer')
  for (let at = 0; at < 50; at++) rogue.send({ publish: [message(`m${at}`)] })
  beat()
  expect(rogue.score).toBe(10)
  for (let at = 0; at < 10; at++) rogue.send({ publish: [message(`bad ${at}`, 't', { verdict: 'reject' })] })
  expect(rogue.score).toBeCloseTo(50 - 100, 2)
})

test('a bad score outlives the connection for an hour, a good one does not', () => {
  const { node, peer, beat } = scored({ firstDeliveriesWeight: 1, invalidWeight: -1 })
  const good = peer('good')
  good.send({ publish: [message('m')] })
  const bad = peer('bad')
  bad.send({ publish: [message('bad', 't', { verdict: 'reject' })] })
  beat()
  for (const rogue of [good, bad]) node.router.removePeer(rogue.peer)
  const again = peer('good')
  expect(again.score).toBe(0)
  node.router.removePeer(again.peer)
  beat(60)
  const back = peer('bad')
  expect(back.score).toBeCloseTo(-1, 3)
  node.router.removePeer(back.peer)
  beat(3601)
  expect(peer('bad').score).toBe(0)
})

test('no more bad scores are kept than the bound', () => {
  const { node, peer } = scored({ invalidWeight: -1 }, { maxRetained: 10 })
  for (let at = 0; at < 100; at++) {
    const rogue = peer(`peer ${at}`)
    rogue.send({ publish: [message(`m${at}`, 't', { verdict: 'reject' })] })
    node.router.removePeer(rogue.peer)
  }
  expect(node.router.inspect().sizes.retainedScores).toBe(10)
})

test('nobody is listened to below the graylist, but subscriptions are taken, and direct peers are exempt', () => {
  const net = new Net({ score: { appScore: () => -100 }, directPeers: ['direct'] })
  const node = net.node('node')
  node.router.subscribe('t')
  const [bad, direct] = [new Rogue(node, 'bad').subscribe('t'), new Rogue(node, 'direct').subscribe('t')]
  bad?.send({ publish: [message('from bad')] })
  direct?.send({ publish: [message('from direct')] })
  expect(node.delivered).toEqual(['from direct'])
  expect(node.router.subscribers('t')).toHaveLength(2)
})

test('own messages do not go to peers below the publish threshold', () => {
  const net = new Net({ score: { appScore: (id: string) => (id === 'bad' ? -51 : -49) } })
  const node = net.node('node')
  node.router.subscribe('t')
  for (const name of ['bad', 'poor']) new Rogue(node, name).subscribe('t')
  expect(node.publish('t', 'm')).toEqual(['poor'])
})

test('weights of the wrong sign, and decays that do not decay, are refused', () => {
  const make = (score: ScoreOptions) => () => new Net({ score }).node('node')
  expect(make({ defaultTopic: { invalidWeight: 1 } })).toThrow('P4')
  expect(make({ topics: { t: { firstDeliveriesWeight: -1 } } })).toThrow('P2')
  expect(make({ behaviourDecay: 1 })).toThrow('behaviourDecay')
  expect(make({ thresholds: { graylist: -1 } })).toThrow('thresholds')
  expect(make({ colocationWeight: 1 })).toThrow('colocationWeight')
})

test('without scores nobody is punished', () => {
  const net = new Net({ score: false })
  const node = net.node('node')
  node.router.subscribe('t')
  const rogue = new Rogue(node, 'peer').subscribe('t')
  for (let at = 0; at < 100; at++) rogue.send({ publish: [message(`m${at}`, 't', { verdict: 'reject' })] })
  rogue.send({ publish: [message('good')] })
  expect(node.delivered).toEqual(['good'])
  expect(rogue.score).toBe(0)
})

test('P6: any number of peers may be on this machine, unless the application says otherwise', () => {
  const { peer, beat } = scored({}, { colocationThreshold: 1 })
  const here = ['127.0.0.1', '127.0.0.1', '::1', '::1'].map((ip, at) => peer(`here ${at}`, [ip]))
  const there = ['192.0.2.1', '192.0.2.1'].map((ip, at) => peer(`there ${at}`, [ip]))
  beat()
  expect(here.map(({ score }) => score)).toEqual([0, 0, 0, 0])
  expect(there.map(({ score }) => score)).toEqual([-5, -5])
})

test('a peer that does not take what is sent to it loses its place, and gets another chance when it reads again', () => {
  const net = new Net({ queue: { maxBytes: 10_000, maxItems: 8192 }, floodPublish: false, score: {} })
  const node = net.node('node')
  node.router.subscribe('t')
  const [slow, quick] = ['slow', 'quick'].map((name) => new Rogue(node, name, { outbound: true }).subscribe('t'))
  for (const rogue of [slow, quick]) {
    rogue?.graft('t')
    rogue?.got()
  }
  const publish = (count: number): void => {
    for (let at = 0; at < count; at++) {
      node.publish('t', `${net.now} ${at}`)
      quick?.got()
    }
  }
  publish(100)
  expect(slow?.score).toBe(0)
  publish(50)
  expect(slow?.score).toBeCloseTo(-10)
  expect(quick?.score).toBe(0)
  net.now += 1000
  node.router.heartbeat()
  expect(node.mesh('t')).toEqual(['quick'])

  slow?.got()
  for (let beat = 0; beat < 10; beat++) {
    net.now += 1000
    node.router.heartbeat()
  }
  expect(slow?.score).toBe(0)
})
