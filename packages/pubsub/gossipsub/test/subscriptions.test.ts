import { expect, test } from 'vitest'
import { Net, Rogue, type TestOptions } from './net.ts'

const meet = (options: TestOptions = {}) => {
  const node = new Net(options).node('node')
  return { node, rogue: new Rogue(node, 'peer') }
}
const topicsOf = (count: number, prefix = 'topic'): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix} ${at}`)

test('a new peer hears of all our subscriptions in one RPC, a known one of each change', () => {
  const { node, rogue } = meet()
  node.router.subscribe('a')
  node.router.subscribe('b')
  node.router.subscribe('a')
  const change = (topic: string, subscribe: boolean) => ({ subscriptions: [{ topic, subscribe }] })
  expect(rogue.got()).toEqual([change('a', true), change('b', true)])
  const late = new Rogue(node, 'late')
  expect(late.got()).toMatchObject([{ subscriptions: [{ topic: 'a' }, { topic: 'b' }] }])
  node.router.unsubscribe('a')
  expect(late.got()).toEqual([change('a', false)])
})

test('subscribers of a topic are known, whether it is ours or not', () => {
  const { node, rogue } = meet()
  rogue.subscribe('t', 'u')
  node.router.subscribe('t')
  for (const topic of ['t', 'u']) expect(node.router.subscribers(topic)).toEqual([rogue.peer])
  rogue.send({ subscriptions: [{ topic: 'u', subscribe: false }] })
  expect(node.router.subscribers('u')).toEqual([])
})

test('349,525 subscriptions of one RPC leave no more than the bound', () => {
  const { node, rogue } = meet()
  rogue.send({ subscriptions: topicsOf(349_525).map((topic) => ({ topic, subscribe: true })) })
  expect(rogue.peer.topics.size).toBe(1024)
  expect(node.router.inspect().topics).toEqual([])
  for (const topic of topicsOf(1024)) rogue.send({ subscriptions: [{ topic, subscribe: false }] })
  expect([rogue.peer.topics.size, rogue.peer.topicChars]).toEqual([0, 0])
})

test('no more changes are taken from one RPC than the bound', () => {
  const { rogue } = meet({ maxSubscriptionsPerRpc: 10 })
  rogue.subscribe(...topicsOf(11))
  expect(rogue.peer.topics.size).toBe(10)
})

test('long names of topics use up the room of a peer', () => {
  const { rogue } = meet()
  rogue.subscribe(...topicsOf(100, 'x'.repeat(10_000)))
  expect(rogue.peer.topics.size).toBe(6)
  rogue.subscribe('short')
  expect(rogue.peer.topics.has('short')).toBe(true)
})

test('the same subscription again changes nothing', () => {
  const { rogue } = meet()
  for (let at = 0; at < 10_000; at++) rogue.subscribe('t')
  expect([rogue.peer.topics.size, rogue.peer.topicChars]).toEqual([1, 1])
})

test('topics that are not allowed are not taken note of', () => {
  const { rogue } = meet({ allowTopic: (topic) => topic.startsWith('ok') })
  rogue.subscribe('ok 1', 'bad', 'ok 2')
  expect([...rogue.peer.topics]).toEqual(['ok 1', 'ok 2'])
})
