import { expect, test } from 'vitest'
import { message, Net, Rogue, type TestOptions } from './net.ts'

const listening = (options: TestOptions = {}) => {
  const net = new Net(options)
  const node = net.node('node')
  node.router.subscribe('t')
  const peer = (name: string): Rogue => new Rogue(node, name, { protocol: '/meshsub/1.1.0' }).subscribe('t')
  const beat = (count = 1): void => {
    for (let tick = 0; tick < count; tick++) {
      net.now += 1000
      node.router.heartbeat()
    }
  }
  return { net, node, peer, beat }
}
const wanted = (rogue: Rogue): string[] => rogue.got().flatMap(({ control }) => (control?.iwant ?? []).flat())
const ihave = (ids: readonly string[], topic = 't') => ({ control: { ihave: [{ topic, ids }] } })
const ids = (count: number, prefix = 'm'): string[] => Array.from({ length: count }, (_, at) => `${prefix}${at}`)

test('what is advertised and not known is asked for', () => {
  const { node, peer } = listening()
  const rogue = peer('peer')
  node.publish('t', 'known')
  rogue.got()
  rogue.send(ihave(['known', 'new']))
  expect(wanted(rogue)).toEqual(['new'])
  rogue.send(ihave(['other'], 'not ours'))
  expect(wanted(rogue)).toEqual([])
})

test('IHAVE goes to peers outside of the mesh, six or a quarter of them, for three heartbeats', () => {
  const { node, peer, beat } = listening({ floodPublish: false })
  const rogues = Array.from({ length: 60 }, (_, at) => peer(`peer ${at}`))
  beat()
  const outside = rogues.filter(({ peer: { id } }) => !node.mesh('t').includes(id))
  node.publish('t', 'm')
  for (const rogue of rogues) rogue.got()
  const heard: number[] = []
  for (let tick = 0; tick < 4; tick++) {
    beat()
    const who = rogues.filter((rogue) => rogue.got().some(({ control }) => control?.ihave?.[0]?.ids.includes('m')))
    for (const rogue of who) expect(outside).toContain(rogue)
    heard.push(who.length)
  }
  const quarter = Math.floor((rogues.length - node.mesh('t').length) / 4)
  expect(heard).toEqual([quarter, quarter, quarter, 0])
})

test('who asks gets the message, three times, for five heartbeats', () => {
  const { node, peer, beat } = listening()
  const rogue = peer('peer')
  node.publish('t', 'm')
  rogue.got()
  const ask = (): string[] => {
    rogue.send({ control: { iwant: [['m', 'unknown']] } })
    return rogue.messages()
  }
  expect([ask(), ask(), ask(), ask()]).toEqual([['m'], ['m'], ['m'], []])
  node.router.removePeer(rogue.peer)
  const again = peer('peer')
  again.got()
  again.send({ control: { iwant: [['m']] } })
  expect(again.messages()).toEqual([])
  const other = peer('other')
  beat(4)
  other.got()
  other.send({ control: { iwant: [['m']] } })
  expect(other.messages()).toEqual(['m'])
  beat()
  other.send({ control: { iwant: [['m']] } })
  expect(other.messages()).toEqual([])
})

test('a peer can not have us look up, or ask for, more than 5,000 ids in a heartbeat', () => {
  const { peer, beat } = listening()
  const rogue = peer('peer')
  rogue.send(ihave(ids(20_000)))
  expect(wanted(rogue)).toHaveLength(5000)
  rogue.send(ihave(ids(10, 'more')))
  expect(wanted(rogue)).toEqual([])
  beat()
  rogue.send(ihave(ids(10, 'later')))
  expect(wanted(rogue)).toHaveLength(10)
})

test('a peer is listened to for ten IHAVE in a heartbeat', () => {
  const { peer } = listening()
  const rogue = peer('peer')
  for (let at = 0; at < 100; at++) rogue.send(ihave([`m${at}`]))
  expect(wanted(rogue)).toHaveLength(10)
})

test('a peer gets no more than 5,000 messages for IWANT in a heartbeat, whatever it asks for', () => {
  const { node, peer } = listening({ maxIWantIds: 100 })
  const rogue = peer('peer')
  for (const id of ids(200)) node.publish('t', id)
  rogue.got()
  rogue.send({ control: { iwant: [ids(200), ids(200)] } })
  expect(rogue.messages()).toHaveLength(100)
})

test('IHAVE with nothing in it, a million times over, leaves nothing behind', () => {
  const { node, peer } = listening()
  const rogue = peer('peer')
  rogue.got()
  const empty = Array.from({ length: 5000 }, () => ({ topic: 't', ids: [] }))
  for (let at = 0; at < 200; at++) rogue.send({ control: { ihave: empty, iwant: [[], []], idontwant: [[], []] } })
  expect(node.router.inspect().sizes.promises).toBe(0)
  expect(rogue.got()).toEqual([])
})

test('one peer is asked for a message, however many advertise it', () => {
  const { peer } = listening()
  const rogues = [peer('a'), peer('b'), peer('c')]
  for (const rogue of rogues) rogue.send(ihave(['m']))
  expect(rogues.map(wanted)).toEqual([['m'], [], []])
})

test('after a moment without the message another peer is asked, and then twice as many', () => {
  const { peer, beat } = listening()
  const rogues = ['a', 'b', 'c', 'd', 'e'].map(peer)
  for (const rogue of rogues) rogue.send(ihave(['m']))
  const asked = (): number => rogues.map(wanted).filter((all) => all.includes('m')).length
  expect(asked()).toBe(1)
  beat()
  expect(asked()).toBe(1)
  beat()
  expect(asked()).toBe(2)
  beat()
  expect(asked()).toBe(1)
})

test('who advertises later than that is asked at once', () => {
  const { net, peer } = listening()
  const [a, b] = [peer('a'), peer('b')]
  a?.send(ihave(['m']))
  net.now += 500
  b?.send(ihave(['m']))
  expect(wanted(b as Rogue)).toEqual(['m'])
})

test('a promise that is broken is a breach, one that is kept by anybody is none', () => {
  const { node, peer, beat } = listening()
  const liar = peer('liar')
  const honest = peer('honest')
  liar.send(ihave(ids(100, 'lie')))
  honest.send(ihave(['truth']))
  liar.send({ publish: [message('truth')] })
  expect(node.promises).toEqual([{ id: 'truth', kept: true }])
  beat(3)
  expect(liar.peer.score.behaviour).toBeGreaterThan(0.5)
  expect(honest.peer.score.behaviour).toBe(0)
  expect(node.promises.filter(({ kept }) => !kept)).toHaveLength(100)
  expect(node.router.inspect().sizes.promises).toBe(0)
})

test('who breaks promises all the time is not listened to any more', () => {
  const { peer, beat } = listening()
  const liar = peer('liar')
  for (let tick = 0; tick < 8; tick++) {
    for (let at = 0; at < 10; at++) liar.send(ihave(ids(500, `${tick} ${at} `)))
    beat()
  }
  liar.got()
  liar.send(ihave(['m']))
  expect(wanted(liar)).toEqual([])
  expect(liar.score).toBeLessThan(-80)
})

test('leaving does not free a peer of what it promised', () => {
  const { node, peer, beat } = listening()
  const liar = peer('liar')
  liar.send(ihave(ids(10)))
  node.router.removePeer(liar.peer)
  // Away when the time is up, it finds the breach when it comes back.
  beat(4)
  expect(peer('liar').peer.score.behaviour).toBeGreaterThan(0.5)
})

test('nor does it free one who was asked in place of another', () => {
  const { node, peer, beat } = listening()
  const [first, second] = [peer('first'), peer('second')]
  for (const rogue of [first, second]) rogue?.send(ihave(['m']))
  beat()
  node.router.removePeer((second as Rogue).peer)
  beat(4)
  expect(peer('second').peer.score.behaviour).toBeGreaterThan(0.5)
})

test('no gossip passes between us and a peer with a bad score', () => {
  const { node, peer, beat } = listening({ floodPublish: false, score: { appScore: () => -11 } })
  const rogue = peer('peer')
  rogue.send(ihave(['m']))
  expect(wanted(rogue)).toEqual([])
  node.publish('t', 'own')
  beat()
  rogue.send({ control: { iwant: [['own']] } })
  expect(rogue.messages()).toEqual([])
})

test('IHAVE of many ids is cut into RPCs below the bound', () => {
  const { node, peer, beat } = listening({
    floodPublish: false,
    degrees: { target: 0, low: 0, high: 0, score: 0, outbound: 0 }
  })
  const rogue = peer('peer')
  for (const id of ids(2000, 'a message id of forty bytes or so, no less ')) node.publish('t', id)
  rogue.got()
  const sizes: number[] = []
  const { queue } = rogue.peer
  const push = queue.push.bind(queue)
  queue.push = (item, priority) => {
    sizes.push(item.bytes)
    return push(item, priority)
  }
  beat()
  expect(sizes.length).toBeGreaterThan(5)
  expect(sizes.length).toBeLessThanOrEqual(10)
  for (const size of sizes) expect(size).toBeLessThanOrEqual(16 * 1024)
  expect(new Set(rogue.got().flatMap(({ control }) => control?.ihave?.[0]?.ids ?? [])).size).toBe(2000)
})
