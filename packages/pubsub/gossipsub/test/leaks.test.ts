import { expect, test } from 'vitest'
import { message, Net, Rogue } from './net.ts'

test('10,000 peers come, do all there is to do, and go: nothing is left of them', () => {
  const net = new Net({
    gater: { retainMs: 1000 },
    score: { retainMs: 60_000 },
    partialMessages: { received: () => 'accept' }
  })
  const node = net.node('node')
  node.router.subscribe('t', { requests: true })
  node.publish('other', 'fanout')
  let queued = 0
  for (let at = 0; at < 10_000; at++) {
    const rogue = new Rogue(node, `peer ${at}`, { ips: [`ip ${at % 500}`], outbound: at % 2 === 0 })
    rogue.send({ control: { extensions: { partialMessages: true } } })
    rogue.send({
      subscriptions: ['t', 'other', `own ${at}`].map((topic) => ({ topic, subscribe: true, supportsPartial: true }))
    })
    rogue.graft('t')
    rogue.send({ publish: [message(`m${at}`, 't', { bytes: 2000, ...(at % 3 === 0 && { verdict: 'reject' }) })] })
    rogue.send({
      control: {
        ihave: [{ topic: 't', ids: [`never ${at}`] }],
        iwant: [[`m${at - 1}`]],
        idontwant: [[`x${at}`]],
        prune: [{ topic: 't', backoffSeconds: 3600 }]
      }
    })
    rogue.send({ partial: { topic: 't', groupId: Uint8Array.of(at & 255, at >> 8), partsMetadata: Uint8Array.of(1) } })
    rogue.graft('t')
    if (at % 100 === 0) node.router.heartbeat()
    node.router.removePeer(rogue.peer)
    queued += rogue.peer.queue.length
    // A host may be late to notice.
    rogue.graft('t')
    rogue.send({ publish: [message(`late ${at}`)] })
  }
  const snapshot = node.router.inspect()
  expect(queued).toBe(0)
  expect(node.delivered.filter((id) => id.startsWith('late'))).toEqual([])
  expect(snapshot.peers).toEqual([])
  for (const { peers, mesh, fanout } of snapshot.topics) expect([peers, mesh, fanout]).toEqual([0, [], []])
  expect(node.router.subscribers('own 7')).toEqual([])
  expect(snapshot.sizes.copyBytes).toBe(0)
  for (let minute = 0; minute < 70; minute++) {
    net.now += 60_000
    node.router.heartbeat()
  }
  const { sizes } = node.router.inspect()
  expect(sizes).toEqual(Object.fromEntries(Object.keys(sizes).map((name) => [name, 0])))
  expect(node.router.inspect().topics).toHaveLength(1)
})

test('peers that never read cost their bound, lose gossip before messages, and are dropped for it', () => {
  const net = new Net({ queue: { maxBytes: 10_000, maxItems: 50 }, floodPublish: false })
  const node = net.node('node')
  node.router.subscribe('t')
  const silent = Array.from({ length: 5 }, (_, at) => new Rogue(node, `silent ${at}`).subscribe('t'))
  const honest = new Rogue(node, 'honest').subscribe('t')
  for (const rogue of [...silent, honest]) rogue.graft('t')
  const got: string[] = []
  for (let at = 0; at < 1000; at++) {
    node.publish('t', `m${at}`)
    got.push(...honest.messages())
    if (at % 50 === 0) {
      net.now += 1000
      node.router.heartbeat()
    }
    for (const { peer } of silent) expect(peer.queue.bytes).toBeLessThanOrEqual(10_000)
  }
  expect(got).toHaveLength(1000)
  expect(node.drops).toEqual([])
  // Control that does not fit is the end.
  for (let at = 0; at < 60; at++) {
    node.router.subscribe(`topic ${at}`)
    honest.got()
  }
  expect(node.drops.length).toBeGreaterThanOrEqual(5)
})

test('a peer can not join twice', () => {
  const node = new Net().node('node')
  new Rogue(node, 'peer')
  expect(() => new Rogue(node, 'peer')).toThrow('known already')
})
