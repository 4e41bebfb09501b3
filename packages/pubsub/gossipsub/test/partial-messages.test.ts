import type { PartialApplication } from '@peerloom/gossipsub'
import type { PartialMessage } from '@peerloom/pubsub'
import { expect, test } from 'vitest'
import { type Link, message, Net, Rogue, type TestMessage, type TestPeer } from './net.ts'

type Application = PartialApplication<TestMessage, Link>

const bytes = (...values: number[]): Uint8Array => Uint8Array.of(...values)
const group = bytes(9)

const setUp = (application: Partial<Application> = {}, wish = { requests: true }) => {
  const heard: PartialMessage[] = []
  const partialMessages: Application = {
    received: (partial) => {
      heard.push(partial)
      return 'accept'
    },
    ...application
  }
  const net = new Net({ partialMessages })
  const node = net.node('node')
  node.router.subscribe('t', wish)
  const peer = (
    name: string,
    flags: { requestsPartial?: boolean; supportsPartial?: boolean } = { requestsPartial: true }
  ) => {
    const rogue = new Rogue(node, name)
    rogue.send({
      control: { extensions: { partialMessages: true } },
      subscriptions: [{ topic: 't', subscribe: true, ...flags }]
    })
    rogue.graft('t')
    rogue.got()
    return rogue
  }
  return { net, node, peer, heard }
}
const partials = (rogue: Rogue): PartialMessage[] => rogue.got().flatMap(({ partial }) => (partial ? [partial] : []))

test('a topic is announced with what we want of it', () => {
  const { node } = setUp()
  const rogue = new Rogue(node, 'peer')
  expect(rogue.got()).toMatchObject([
    {
      control: { extensions: { partialMessages: true } },
      subscriptions: [{ topic: 't', requestsPartial: true, supportsPartial: true }]
    }
  ])
})

test('the application says what it wants of a topic', () => {
  const { node } = setUp({ wish: (topic) => (topic === 'whole' ? undefined : { supports: true }) })
  node.router.subscribe('whole')
  node.router.subscribe('parts')
  expect(new Rogue(node, 'peer').got()[0]?.subscriptions).toEqual([
    { topic: 't', subscribe: true, requestsPartial: true, supportsPartial: true },
    { topic: 'whole', subscribe: true },
    { topic: 'parts', subscribe: true, supportsPartial: true }
  ])
})

test('who asks for parts gets parts and metadata, who only sends them gets metadata, others nothing', () => {
  const { node, peer } = setUp()
  const [asks, sends, plain] = [peer('asks'), peer('sends', { supportsPartial: true }), peer('plain', {})]
  const reached = node.router.publishPartial('t', group, { partsMetadata: bytes(1), part: () => bytes(7, 7) })
  expect(reached.map(({ id }) => id)).toEqual(['asks', 'sends'])
  expect(partials(asks as Rogue)).toEqual([{ topic: 't', groupId: group, part: bytes(7, 7), partsMetadata: bytes(1) }])
  expect(partials(sends as Rogue)).toEqual([{ topic: 't', groupId: group, partsMetadata: bytes(1) }])
  expect(partials(plain as Rogue)).toEqual([])
})

test('the part is chosen by what the peer last said it has', () => {
  const { node, peer, heard } = setUp()
  const rogue = peer('peer')
  for (const has of [1, 2]) {
    rogue.send({ partial: { topic: 't', groupId: group, partsMetadata: bytes(has) } })
  }
  const asked: (Uint8Array | undefined)[] = []
  const content = {
    partsMetadata: bytes(3),
    part: (_: TestPeer, theirs: Uint8Array | undefined) => {
      asked.push(theirs)
      return theirs
    }
  }
  node.router.publishPartial('t', group, content)
  expect(asked).toEqual([bytes(2)])
  expect(heard).toHaveLength(2)
  expect(partials(rogue)).toMatchObject([{ part: bytes(2) }])
})

test('metadata that a peer has is not sent again', () => {
  const { node, peer } = setUp()
  const rogue = peer('peer')
  const partsMetadata = bytes(1)
  node.router.publishPartial('t', group, { partsMetadata })
  node.router.publishPartial('t', group, { partsMetadata })
  expect(partials(rogue)).toHaveLength(1)
})

test('who asks for parts never gets a whole message, nor IHAVE, nor does who sends us parts get IDONTWANT', () => {
  const { net, node, peer } = setUp()
  const [asks, plain, sender] = [peer('asks'), peer('plain', {}), peer('sender', {})]
  sender?.send({ publish: [message('large', 't', { bytes: 20_000 })] })
  node.publish('t', 'own')
  expect(plain?.got()).toMatchObject([
    { control: { idontwant: [['large']] } },
    { publish: [{ id: 'own' }] },
    { publish: [{ id: 'large' }] }
  ])
  expect(asks?.got()).toEqual([])
  asks?.send({ control: { prune: [{ topic: 't' }] } })
  for (let tick = 0; tick < 3; tick++) {
    net.now += 1000
    node.router.heartbeat()
  }
  expect(asks?.got()).toEqual([])
})

test('metadata takes the place of IHAVE for peers outside of the mesh', () => {
  const { node, peer } = setUp()
  const rogue = peer('peer')
  rogue.send({ control: { prune: [{ topic: 't' }] } })
  node.router.publishPartial('t', group, { partsMetadata: bytes(5), part: () => bytes(6) })
  expect(rogue.got()).toEqual([])
  node.router.heartbeat()
  node.router.heartbeat()
  expect(rogue.got()).toEqual([{ partial: { topic: 't', groupId: group, partsMetadata: bytes(5) } }])
})

test('groups that peers start are bounded, by peer and in all, and forgotten', () => {
  const { node, peer, heard } = setUp({ maxPeerGroups: 20 })
  const groups = (): number => node.router.inspect().sizes.partialGroups
  const rogues = Array.from({ length: 10 }, (_, at) => peer(`peer ${at}`))
  const flood = (rogue: Rogue, salt: number): void => {
    for (let at = 0; at < 100; at++)
      rogue.send({ partial: { topic: 't', groupId: bytes(salt, at), partsMetadata: bytes(1) } })
  }
  flood(rogues[0] as Rogue, 0)
  expect(groups()).toBe(8)
  for (const [at, rogue] of rogues.entries()) flood(rogue, at)
  expect(groups()).toBe(20)
  // A hundred of the first by the first two rounds, eight known; then others up to twenty.
  expect(heard.length).toBeLessThan(50)
  node.router.removePeer((rogues[0] as Rogue).peer)
  expect(groups()).toBe(12)
  for (let tick = 0; tick < 5; tick++) node.router.heartbeat()
  expect(groups()).toBe(0)
})

test('names of groups and metadata have a length', () => {
  const { node, peer, heard } = setUp()
  const rogue = peer('peer')
  rogue.send({ partial: { topic: 't', groupId: new Uint8Array(129) } })
  rogue.send({ partial: { topic: 't', groupId: group, partsMetadata: new Uint8Array(4097) } })
  expect(heard).toEqual([])
  expect(node.router.inspect().sizes.partialGroups).toBe(0)
})

test('parts of who did not announce the extension, or of other topics, are not taken', () => {
  const { node, peer, heard } = setUp()
  const silent = new Rogue(node, 'silent').subscribe('t')
  silent.send({ partial: { topic: 't', groupId: group } })
  peer('peer').send({ partial: { topic: 'other', groupId: group } })
  expect(heard).toEqual([])
})

test('a part that the application rejects blames who sent it', () => {
  const { peer } = setUp({ received: () => 'reject' })
  const rogue = peer('peer')
  rogue.send({ partial: { topic: 't', groupId: group, part: bytes(1) } })
  expect(rogue.score).toBeLessThan(0)
})

test('parts go all the way through a small network', () => {
  const net = new Net()
  const parts = new Map<string, Set<number>>()
  const nodes = Array.from({ length: 8 }, (_, at) => {
    const has = new Set<number>(at === 0 ? [0, 1, 2, 3] : [])
    parts.set(`n${at}`, has)
    const spread = (): void => {
      const content = {
        partsMetadata: Uint8Array.from([...has].toSorted((a, b) => a - b)),
        part: (_: TestPeer, theirs: Uint8Array | undefined) => {
          const lacks = [...has].filter((part) => theirs?.includes(part) === false)
          return lacks.length === 0 ? undefined : Uint8Array.from(lacks)
        }
      }
      node.router.publishPartial('t', group, content)
    }
    const node = net.node(`n${at}`, {
      partialMessages: {
        received: ({ part, partsMetadata }) => {
          const before = has.size
          for (const one of part ?? []) has.add(one)
          if (has.size > before || (partsMetadata !== undefined && partsMetadata.length < has.size)) spread()
          return 'accept'
        }
      }
    })
    return { node, spread }
  })
  // A line, so that parts have to pass through others.
  for (const [at, { node }] of nodes.entries()) {
    const next = nodes[at + 1]
    if (next !== undefined) net.connect(node, next.node)
  }
  for (const { node } of nodes) node.router.subscribe('t', { requests: true })
  net.run(3000)
  for (const { spread } of nodes) spread()
  net.run(3000)
  for (const has of parts.values()) expect(has).toEqual(new Set([0, 1, 2, 3]))
})

test('what a peer wants of a topic is told whole to a router that hears of it anew', () => {
  const { node, peer } = setUp()
  const rogue = peer('peer')
  rogue.send({ subscriptions: [{ topic: 'u', subscribe: true, supportsPartial: true }] })
  rogue.send({ subscriptions: [{ topic: 'v', subscribe: true }] })
  const subscriptions = rogue.peer.subscriptions()
  expect(subscriptions).toEqual([
    { topic: 't', subscribe: true, requestsPartial: true, supportsPartial: true },
    { topic: 'u', subscribe: true, requestsPartial: false, supportsPartial: true },
    { topic: 'v', subscribe: true }
  ])
  const again = new Rogue(node, 'again')
  again.send({ control: { extensions: { partialMessages: true } }, subscriptions })
  expect(again.peer.subscriptions()).toEqual(subscriptions)
  expect(again.peer.requestsPartial('t')).toBe(true)
})
