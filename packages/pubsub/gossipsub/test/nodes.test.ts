import { until } from '@peerloom/conformance'
import type { PubSubMessage } from '@peerloom/interface'
import { expect, test } from 'vitest'
import { carriers, type Carrier, decode, encode, gossipNode, type GossipNode, meshSize } from './nodes.ts'

async function mesh(count: number, carrier: Carrier, options = {}): Promise<GossipNode[]> {
  const nodes = await Promise.all(Array.from({ length: count }, () => gossipNode(options, carrier)))
  // A ring with chords.
  for (const [at, node] of nodes.entries()) {
    for (const step of [1, 3]) await node.dial(nodes[(at + step) % count]!.multiaddrs())
  }
  return nodes
}

test.each(Object.keys(carriers) as Carrier[])('eight nodes over %s all hear every message once', async (carrier) => {
  const nodes = await mesh(8, carrier)
  const heard = nodes.map(() => new Map<string, number>())
  for (const [at, { services }] of nodes.entries()) {
    services.pubsub.subscribe('news', (message) => {
      const text = decode(message.data)
      heard[at]!.set(text, (heard[at]!.get(text) ?? 0) + 1)
      expect(message.from?.toString()).toBe(nodes[Number(text.split(' ')[0])]!.peerId.toString())
    })
  }
  // What is published before there is a mesh reaches the neighbours only.
  await until('all have their mesh', () => nodes.every((node) => meshSize(node, 'news') >= 4))
  const texts = nodes.flatMap((_, at) => Array.from({ length: 10 }, (__, index) => `${at} ${index}`))
  await Promise.all(
    texts.map((text) => nodes[Number(text.split(' ')[0])]!.services.pubsub.publish('news', encode(text)))
  )
  await until('all heard all', () => heard.every(({ size }) => size === texts.length))
  for (const one of heard) expect([...one.values()].every((times) => times === 1)).toBe(true)
})

test('messages of a megabyte less the frame around them go through, longer ones are refused', async () => {
  const [one, two] = await mesh(2, 'tcp')
  const got: PubSubMessage[] = []
  two!.services.pubsub.subscribe('large', (message) => got.push(message))
  await until('subscribed', () => one!.services.pubsub.peers('large').length === 1)
  const data = new Uint8Array(1024 * 1024 - 300).map((_, at) => at * 7)
  await one!.services.pubsub.publish('large', data)
  await until('it is there', () => got.length === 1)
  expect(got[0]?.data).toEqual(data)
  await expect(one!.services.pubsub.publish('large', new Uint8Array(1024 * 1024))).rejects.toMatchObject({
    code: 'ERR_MESSAGE_TOO_LARGE'
  })
})

test('without signing nobody says who it is from', async () => {
  const [one, two] = await mesh(2, 'memory', { signaturePolicy: 'StrictNoSign' })
  const got: PubSubMessage[] = []
  two!.services.pubsub.subscribe('t', (message) => got.push(message))
  await until('subscribed', () => one!.services.pubsub.peers('t').length === 1)
  await one!.services.pubsub.publish('t', encode('x'))
  await until('it is there', () => got.length === 1)
  expect(got[0]).toMatchObject({ from: undefined, seqno: undefined, topic: 't' })
  expect(String(got[0]?.receivedFrom)).toBe(String(one!.peerId))
})

test('who comes back is a peer again, and who is gone leaves nothing', async () => {
  const [one, two] = await mesh(2, 'memory')
  two!.services.pubsub.subscribe('t')
  await until('subscribed', () => one!.services.pubsub.peers('t').length === 1)
  await one!.hangUp(two!.peerId)
  await until('gone', () => one!.services.pubsub.peers().length === 0 && two!.services.pubsub.peers().length === 0)
  await one!.dial(two!.multiaddrs())
  await until('back', () => one!.services.pubsub.peers('t').length === 1)
  await two!.stop()
  await until('gone for good', () => one!.services.pubsub.peers().length === 0)
  expect(one!.inspect().services['pubsub']).toMatchObject({ links: [] })
  await two!.start()
  await one!.dial(two!.multiaddrs())
  await until('back after a restart', () => one!.services.pubsub.peers('t').length === 1)
})

test('two connections to a peer are one peer, and losing one of them loses nothing', async () => {
  const [one, two] = await Promise.all([gossipNode(), gossipNode()])
  const heard: string[] = []
  two.services.pubsub.subscribe('t', (message) => heard.push(decode(message.data)))
  await Promise.all([one.dial(two.multiaddrs()), two.dial(one.multiaddrs())])
  await one.dial(two.multiaddrs(), { force: true })
  await until('subscribed', () => one.services.pubsub.peers('t').length === 1)
  for (let left = one.connections.list().length; left > 1; left--) {
    one.connections.list()[0]!.abort(new Error('cut'))
    await until('both know', () => one.connections.list().length < left && two.connections.list().length < left)
    await until('still a peer', () => one.services.pubsub.peers('t').length === 1)
    await until('both streams are there', () => {
      const streams = one.connections.list().flatMap((connection) => connection.streams)
      const ours = streams.filter(({ protocol }) => protocol.startsWith('/meshsub'))
      return new Set(ours.map(({ direction }) => direction)).size === 2
    })
  }
  expect(one.services.pubsub.peers()).toHaveLength(1)
  await until('delivered', () => {
    void one.services.pubsub.publish('t', encode('again'))
    return heard.length > 0
  })
})

test('only our stream breaks: the peer is known by what it said before', async () => {
  const [one, two] = await mesh(2, 'memory')
  two!.services.pubsub.subscribe('t')
  await until('subscribed', () => one!.services.pubsub.peers('t').length === 1)
  const ours = one!.connections
    .list()
    .flatMap(({ streams }) => streams)
    .filter(({ protocol, direction }) => protocol.startsWith('/meshsub') && direction === 'outbound')
  expect(ours.length).toBeGreaterThan(0)
  for (const stream of ours) stream.abort(new Error('cut'))
  await until('noticed', () => one!.services.pubsub.peers().length === 0)
  await until('known again', () => one!.services.pubsub.peers('t').length === 1)
})
