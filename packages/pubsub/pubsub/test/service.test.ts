import { until } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { floodsub, type FloodsubOptions } from '@peerloom/floodsub'
import { identify } from '@peerloom/identify'
import type { PubSubMessage, SubscriptionEvent, TopicVerdict } from '@peerloom/interface'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { yamux } from '@peerloom/yamux'
import { MemoryDatastore } from 'datastore-core'
import { expect, onTestFinished, test } from 'vitest'

const network = new MemoryNetwork()
const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const decode = ({ data }: PubSubMessage): string => new TextDecoder().decode(data)

async function node(options: FloodsubOptions = {}, more = {}) {
  const made = await createNode({
    addresses: { listen: ['/memory/0'] },
    transports: [memory({ network })],
    connectionEncryption: [noise()],
    streamMuxers: [yamux({ keepAliveMs: 0 })],
    ...more,
    services: { identify: identify(), pubsub: floodsub(options) }
  })
  onTestFinished(() => made.stop())
  return made
}

async function pair(options: FloodsubOptions = {}) {
  const [one, two] = await Promise.all([node(), node(options)])
  const heard: string[] = []
  two.services.pubsub.subscribe('t', (message) => heard.push(decode(message)))
  await one.dial(two.multiaddrs())
  await until('subscribed', () => one.services.pubsub.peers('t').length === 1)
  return { one, two, heard, say: (text: string) => one.services.pubsub.publish('t', encode(text)) }
}

test('a subscription is iterated until it ends', async () => {
  const { two, say } = await pair()
  using subscription = two.services.pubsub.subscribe('t')
  const got: string[] = []
  const reading = (async () => {
    for await (const message of subscription) {
      got.push(decode(message))
      if (got.length === 3) subscription.unsubscribe()
    }
  })()
  for (const text of ['a', 'b', 'c']) await say(text)
  await reading
  expect(got).toEqual(['a', 'b', 'c'])
  expect(two.services.pubsub.topics(), 'the other subscription is still there').toEqual(['t'])
  two.services.pubsub.unsubscribe('t')
  expect(two.services.pubsub.topics()).toEqual([])
})

test.each([
  ['drop-oldest', ['c', 'd']],
  ['drop-newest', ['a', 'b']]
] as const)('who iterates slowly loses messages by %s', async (whenFull, left) => {
  const { two, heard, say } = await pair()
  const subscription = two.services.pubsub.subscribe('t', undefined, { maxQueued: 2, whenFull })
  const iterator = subscription[Symbol.asyncIterator]()
  for (const text of ['a', 'b', 'c', 'd']) await say(text)
  await until('all are there', () => heard.length === 4)
  expect(subscription.dropped).toBe(2)
  subscription.unsubscribe()
  const got: string[] = []
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) got.push(decode(next.value))
  expect(got).toEqual(left)
})

test('listeners hear messages and changes of subscriptions, whatever others throw', async () => {
  const { one, two, heard, say } = await pair()
  const messages: string[] = []
  const changes: SubscriptionEvent[] = []
  two.services.pubsub.addEventListener('message', () => {
    throw new Error('a listener of somebody else')
  })
  two.services.pubsub.subscribe('t', () => {
    throw new Error('a handler of somebody else')
  })
  const listener = ({ detail }: CustomEvent<PubSubMessage>): void => void messages.push(decode(detail))
  two.services.pubsub.addEventListener('message', listener)
  one.services.pubsub.addEventListener('subscription-change', ({ detail }) => changes.push(detail))
  await say('a')
  await until('heard', () => heard.length === 1 && messages.length === 1)
  two.services.pubsub.removeEventListener('message', listener)
  await say('b')
  await until('heard', () => heard.length === 2)
  expect(messages).toEqual(['a'])
  two.services.pubsub.unsubscribe('t')
  await until('told', () => changes.length === 1)
  expect(changes[0]).toMatchObject({ topic: 't', subscribed: false })
  expect(String(changes[0]?.peer)).toBe(String(two.peerId))
})

test('handlers may subscribe, leave and publish from inside', async () => {
  const { one, two, say } = await pair()
  const answers: string[] = []
  one.services.pubsub.subscribe('answers', (message) => answers.push(decode(message)))
  await until('subscribed', () => two.services.pubsub.peers('answers').length === 1)
  two.services.pubsub.subscribe('t', (message) => {
    two.services.pubsub.unsubscribe('t')
    two.services.pubsub.subscribe('other')
    void two.services.pubsub.publish('answers', encode(`heard ${decode(message)}`))
  })
  await say('a')
  await until('answered', () => answers.length === 1)
  expect(answers).toEqual(['heard a'])
  await until('told', () => one.services.pubsub.peers('other').length === 1)
  expect(one.services.pubsub.peers('t')).toEqual([])
})

test('own messages come to own subscriptions, unless that is not wanted', async () => {
  const lone = await node()
  const quiet = await node({ emitSelf: false })
  const heard: string[] = []
  for (const one of [lone, quiet]) one.services.pubsub.subscribe('t', (message) => heard.push(decode(message)))
  expect(await lone.services.pubsub.publish('t', encode('own'))).toEqual({ recipients: [] })
  await quiet.services.pubsub.publish('t', encode('quiet'))
  expect(heard).toEqual(['own'])
})

test('validators decide, at once or later; one that throws or takes too long ignores', async () => {
  const { two, heard, say } = await pair({ validation: { timeoutMs: 50 } })
  const remove = two.services.pubsub.addValidator('t', (message) => {
    const text = decode(message)
    if (text === 'throw') throw new Error('a validator')
    if (text === 'hang') return new Promise<TopicVerdict>(() => {})
    if (text === 'fail') return Promise.reject(new Error('a validator'))
    return text.startsWith('later ') ? Promise.resolve(text.slice(6) as TopicVerdict) : (text as TopicVerdict)
  })
  for (const text of ['throw', 'hang', 'fail', 'reject', 'ignore', 'later reject', 'later ignore', 'nonsense']) {
    await say(text)
  }
  await say('accept')
  await say('later accept')
  await until('both are through', () => heard.length === 2)
  expect(heard).toEqual(['accept', 'later accept'])
  await until('none waits', () => {
    const { pending } = two.inspect().services['pubsub'] as { pending: { validations: number } }
    return pending.validations === 0
  })
  remove()
  await say('anything')
  await until('through', () => heard.length === 3)
})

test('messages that wait for who iterates are bounded by their bytes, too', async () => {
  const { two, heard, say } = await pair()
  const subscription = two.services.pubsub.subscribe('t', undefined, { maxQueuedBytes: 10 })
  const iterator = subscription[Symbol.asyncIterator]()
  for (const text of ['123456', '1234', '12', 'longer than all']) await say(text)
  await until('all are there', () => heard.length === 4)
  expect(subscription.dropped).toBe(4)
  await say('12345678')
  const { value } = await iterator.next()
  expect(decode(value!)).toBe('12345678')
})

test('what waits for validators is bounded by its bytes, too', async () => {
  const { two, heard, say } = await pair({ validation: { maxPendingBytes: 1000 } })
  const waiting: (() => void)[] = []
  two.services.pubsub.addValidator('t', () => new Promise((resolve) => waiting.push(() => resolve('accept'))))
  for (const letter of ['a', 'b', 'c']) await say(letter.repeat(300))
  await until('asked', () => waiting.length === 3)
  for (const answer of waiting) answer()
  await until('two are through', () => heard.length === 2)
  expect(heard).toEqual(['a'.repeat(300), 'b'.repeat(300)])
})

test('more than may wait for validators is throttled, and comes through when it is sent again', async () => {
  const { two, heard, say } = await pair({ validation: { maxPendingPerTopic: 2 } })
  const waiting: (() => void)[] = []
  two.services.pubsub.addValidator('t', () => new Promise((resolve) => waiting.push(() => resolve('accept'))))
  for (const text of ['a', 'b', 'c', 'd']) await say(text)
  await until('asked', () => waiting.length === 4)
  for (const answer of waiting) answer()
  await until('two are through', () => heard.length === 2)
  expect(heard).toEqual(['a', 'b'])
})

test('sequence numbers grow, also over a restart with a clock that was set back', async () => {
  const datastore = new MemoryDatastore()
  let behindMs = 0
  const clock = {
    now: () => Date.now() - behindMs,
    setTimeout: (callback: () => void, delayMs: number) => setTimeout(callback, delayMs),
    clearTimeout: (timer: unknown) => clearTimeout(timer as ReturnType<typeof setTimeout>)
  }
  const numbers: bigint[] = []
  for (let run = 0; run < 3; run++) {
    const one = await node({}, { clock, datastore })
    one.services.pubsub.subscribe('t', ({ seqno }) => numbers.push(seqno ?? 0n))
    await Promise.all([1, 2, 3].map(() => one.services.pubsub.publish('t', encode('x'))))
    await one.stop()
    behindMs += 3_600_000
  }
  expect(numbers).toHaveLength(9)
  expect(numbers).toEqual(numbers.toSorted((a, b) => (a < b ? -1 : 1)))
  expect(new Set(numbers).size).toBe(9)
  expect(Number(numbers[0]! / 1_000_000n)).toBeGreaterThan(Date.now() - 60_000)
})

test('a node that is not started publishes nothing', async () => {
  const one = await node()
  await one.stop()
  await expect(one.services.pubsub.publish('t', encode('x'))).rejects.toMatchObject({ code: 'ERR_NOT_STARTED' })
})

test('without identify, peers are asked whether they speak pubsub', async () => {
  const plain = () =>
    createNode({
      addresses: { listen: ['/memory/0'] },
      transports: [memory({ network })],
      connectionEncryption: [noise()],
      streamMuxers: [yamux({ keepAliveMs: 0 })],
      services: { pubsub: floodsub() }
    })
  const [one, two] = await Promise.all([plain(), plain()])
  onTestFinished(async () => {
    await one.stop()
    await two.stop()
  })
  two.services.pubsub.subscribe('t')
  await one.dial(two.multiaddrs())
  await until('subscribed', () => one.services.pubsub.peers('t').length === 1)
})
