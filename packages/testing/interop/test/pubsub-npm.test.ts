import { floodsub as npmFloodsub } from '@libp2p/floodsub'
import { gossipsub as npmGossipsub, StrictNoSign, TopicValidatorResult } from '@libp2p/gossipsub'
import { identify as npmIdentify } from '@libp2p/identify'
import { noise as npmNoise } from '@libp2p/noise'
import { tcp as npmTcp } from '@libp2p/tcp'
import { yamux as npmYamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createNode } from '@peerloom/core'
import { floodsub } from '@peerloom/floodsub'
import { gossipsub, type GossipsubOptions } from '@peerloom/gossipsub'
import { identify } from '@peerloom/identify'
import type { PubSubMessage } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { createLibp2p } from 'libp2p'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '@peerloom/conformance'

type NpmOptions = NonNullable<Parameters<typeof npmGossipsub>[0]>

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const decode = (data: Uint8Array): string => new TextDecoder().decode(data)
/** What the specification says, which is not the default of js-libp2p. */
const specMessageId: NpmOptions['msgIdFn'] = (message) => {
  if (message.type !== 'signed') throw new Error('not signed')
  const bytes = message.from.toMultihash().bytes
  const id = new Uint8Array(bytes.length + 8)
  id.set(bytes)
  new DataView(id.buffer).setBigUint64(bytes.length, message.sequenceNumber)
  return id
}

const npmStack = () => ({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [npmTcp()],
  connectionEncrypters: [npmNoise()],
  streamMuxers: [npmYamux()],
  connectionMonitor: { enabled: false }
})

async function npmNode(options: NpmOptions = {}) {
  const node = await createLibp2p({
    ...npmStack(),
    services: { identify: npmIdentify(), pubsub: npmGossipsub({ allowPublishToZeroTopicPeers: true, ...options }) }
  })
  onTestFinished(async () => node.stop())
  return node
}
type NpmNode = Awaited<ReturnType<typeof npmNode>>

const stack = () => ({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncryption: [noise()],
  streamMuxers: [yamux()]
})

async function node(options: GossipsubOptions = {}) {
  const made = await createNode({ ...stack(), services: { identify: identify(), pubsub: gossipsub(options) } })
  onTestFinished(() => made.stop())
  return made
}
type Node = Awaited<ReturnType<typeof node>>

async function connect(one: NpmNode, other: Node, npmDials: boolean): Promise<void> {
  if (npmDials) await one.dial(other.multiaddrs().map((address) => multiaddr(String(address))))
  else
    await other.dial(
      one
        .getMultiaddrs()
        .map(String)
        .map((address) => multiaddr(address))
    )
}

/** Its type does not show the method. */
const meshOf = ({ services }: NpmNode, topic: string): string[] =>
  (services.pubsub as unknown as { getMeshPeers(topic: string): string[] }).getMeshPeers(topic)
const inMesh = (one: NpmNode, other: Node, topic: string): boolean =>
  meshOf(one, topic).includes(other.peerId.toString())

test.each([
  ['signed', 'js-libp2p dials', {}, {}, true],
  ['signed', 'we dial', {}, {}, false],
  ['signed, with the message ids of js-libp2p', 'we dial', {}, { messageId: 'js' as const }, false],
  ['signed, with the message ids of the specification', 'we dial', { msgIdFn: specMessageId }, {}, false],
  [
    'not signed',
    'we dial',
    { globalSignaturePolicy: StrictNoSign },
    { signaturePolicy: 'StrictNoSign' as const },
    false
  ]
] as const)('messages go both ways, %s; %s', async (_, __, theirs, ours, npmDials) => {
  const [one, other] = await Promise.all([npmNode(theirs as NpmOptions), node(ours)])
  const here: string[] = []
  const there: string[] = []
  one.services.pubsub.addEventListener('message', ({ detail }) => void there.push(decode(detail.data)))
  one.services.pubsub.subscribe('t')
  other.services.pubsub.subscribe('t', ({ data, receivedFrom }) => {
    if (receivedFrom !== undefined) here.push(decode(data))
  })
  await connect(one, other, npmDials)
  await until('in each other’s mesh', () => inMesh(one, other, 't'))
  const large = 'x'.repeat(200_000)
  for (const text of ['a', 'b', large]) {
    await one.services.pubsub.publish('t', encode(`js ${text}`))
    await other.services.pubsub.publish('t', encode(`ours ${text}`))
  }
  await until('all are there', () => here.length === 3 && there.length === 3)
  expect(here).toEqual(['js a', 'js b', `js ${large}`])
  expect(there).toEqual(['ours a', 'ours b', `ours ${large}`])
})

test('the id that we give a message is the one that js-libp2p gives it, by its rule and by that of the specification', async () => {
  for (const [theirs, ours] of [
    [{}, { messageId: 'js' as const }],
    [{ msgIdFn: specMessageId }, {}]
  ] as const) {
    const [one, other] = await Promise.all([npmNode(theirs), node(ours)])
    const here: PubSubMessage[] = []
    const there: string[] = []
    one.services.pubsub.subscribe('t')
    one.services.pubsub.addEventListener('gossipsub:message', ({ detail }) => void there.push(detail.msgId))
    other.services.pubsub.subscribe('t', (message) => here.push(message))
    await connect(one, other, true)
    await until('in each other’s mesh', () => inMesh(one, other, 't'))
    await other.services.pubsub.publish('t', encode('ours'))
    await until('it is there', () => there.length === 1 && here.length === 1)
    expect(there[0]).toBe(Buffer.from(here[0]!.id).toString('base64').replace(/=+$/, ''))
  }
})

// We are in nobody's mesh here: all that arrives has been advertised by IHAVE and asked for by IWANT.
const aloof: GossipsubOptions = {
  degrees: { target: 0, low: 0, high: 0, score: 0, outbound: 0 },
  floodPublish: false,
  heartbeatMs: 200
}
/** A mesh of one, which is full. */
const narrow = {
  D: 1,
  Dlo: 1,
  Dhi: 1,
  Dout: 0,
  Dscore: 0,
  floodPublish: false,
  heartbeatInterval: 200,
  msgIdFn: specMessageId
} as NpmOptions

test('we recover by gossip what js-libp2p publishes', async () => {
  const [one, friend, other] = await Promise.all([npmNode(narrow), npmNode(narrow), node(aloof)])
  for (const { services } of [one, friend]) services.pubsub.subscribe('t')
  await one.dial(friend.getMultiaddrs())
  await until('their mesh is full', () => meshOf(one, 't').length === 1)
  const got: string[] = []
  other.services.pubsub.subscribe('t', ({ data }) => got.push(decode(data)))
  await connect(one, other, false)
  await until('subscribed', () => one.services.pubsub.getSubscribers('t').length === 2)
  for (const text of ['a', 'b']) {
    const { recipients } = await one.services.pubsub.publish('t', encode(text))
    expect(recipients.map(String), 'we are not sent it at once').toEqual([friend.peerId.toString()])
  }
  await until('recovered', () => got.length === 2)
  expect(got.toSorted()).toEqual(['a', 'b'])
})

test('js-libp2p recovers by gossip what we publish', async () => {
  const [one, other] = await Promise.all([npmNode({ msgIdFn: specMessageId }), node(aloof)])
  const got: string[] = []
  one.services.pubsub.subscribe('t')
  one.services.pubsub.addEventListener('message', ({ detail }) => void got.push(decode(detail.data)))
  other.services.pubsub.subscribe('t')
  await connect(one, other, false)
  await until('subscribed', () => other.services.pubsub.peers('t').length === 1)
  for (const text of ['a', 'b']) {
    const { recipients } = await other.services.pubsub.publish('t', encode(text))
    expect(recipients, 'it is not sent at once').toEqual([])
  }
  await until('recovered', () => got.length === 2)
  expect(got.toSorted()).toEqual(['a', 'b'])
})

test('what their validator rejects is not sent on, and what ours rejects is not either', async () => {
  const [one, other] = await Promise.all([npmNode(), node()])
  const got: string[] = []
  one.services.pubsub.subscribe('t')
  one.services.pubsub.addEventListener('message', ({ detail }) => void got.push(`js ${decode(detail.data)}`))
  other.services.pubsub.subscribe('t', ({ data, receivedFrom }) => {
    if (receivedFrom !== undefined) got.push(`ours ${decode(data)}`)
  })
  const isGood = (data: Uint8Array): boolean => decode(data) === 'good'
  one.services.pubsub.topicValidators.set('t', (_, { data }) =>
    isGood(data) ? TopicValidatorResult.Accept : TopicValidatorResult.Reject
  )
  other.services.pubsub.addValidator('t', ({ data }) => (isGood(data) ? 'accept' : 'reject'))
  await connect(one, other, true)
  await until('in each other’s mesh', () => inMesh(one, other, 't'))
  for (const text of ['bad', 'good']) {
    await other.services.pubsub.publish('t', encode(text))
  }
  await until('the good one is there', () => got.length > 0)
  expect(got).toEqual(['js good'])
})

test('FloodSub talks to the FloodSub of js-libp2p both ways', async () => {
  const one = await createLibp2p({ ...npmStack(), services: { identify: npmIdentify(), pubsub: npmFloodsub() } })
  onTestFinished(async () => one.stop())
  const other = await createNode({ ...stack(), services: { identify: identify(), pubsub: floodsub() } })
  onTestFinished(() => other.stop())
  const here: string[] = []
  const there: string[] = []
  one.services.pubsub.subscribe('t')
  one.services.pubsub.addEventListener('message', ({ detail }) => void there.push(decode(detail.data)))
  other.services.pubsub.subscribe('t', ({ data, receivedFrom }) => {
    if (receivedFrom !== undefined) here.push(decode(data))
  })
  await other.dial(one.getMultiaddrs().map((address) => multiaddr(String(address))))
  await until('subscribed', () => {
    const theirs = one.services.pubsub.getSubscribers('t').length
    return theirs === 1 && other.services.pubsub.peers('t').length === 1
  })
  for (const text of ['a', 'b']) {
    await one.services.pubsub.publish('t', encode(`js ${text}`))
    await other.services.pubsub.publish('t', encode(`ours ${text}`))
  }
  await until('all are there', () => here.length === 2 && there.length === 2)
  expect([here, there]).toEqual([
    ['js a', 'js b'],
    ['ours a', 'ours b']
  ])
})
