import { expect, test } from 'vitest'
import { Net, Rogue, type TestOptions } from './net.ts'

const both = { partialMessages: true, testExtension: true }
const meet = (options: TestOptions = {}, protocol = '/meshsub/1.3.0') => {
  const node = new Net({ score: { behaviourWeight: -1 }, ...options }).node('node')
  node.router.subscribe('t')
  return { node, rogue: new Rogue(node, 'peer', { protocol }) }
}
const tested: string[] = []
const onTestExtension: TestOptions['onTestExtension'] = ({ id }) => void tested.push(id)

test('extensions are announced in the first RPC, with the subscriptions, to who speaks 1.3', () => {
  const { rogue } = meet({ onTestExtension })
  expect(rogue.got()).toMatchObject([
    { subscriptions: [{ topic: 't' }], control: { extensions: { testExtension: true } } }
  ])
  const { rogue: old } = meet({ onTestExtension }, '/meshsub/1.2.0')
  expect(old.got()[0]?.control).toBeUndefined()
  const { rogue: plain } = meet()
  expect(plain.got()[0]?.control).toBeUndefined()
})

test('the test extension is used when both sides have it', () => {
  tested.length = 0
  const { node, rogue } = meet({ onTestExtension })
  rogue.got()
  rogue.send({ control: { extensions: both } })
  expect(rogue.got()).toEqual([{ testExtension: true }])
  rogue.send({ testExtension: true })
  expect(tested).toEqual(['peer'])
  const silent = new Rogue(node, 'silent')
  silent.got()
  silent.send({})
  silent.send({ testExtension: true })
  expect(silent.got()).toEqual([])
  expect(tested).toEqual(['peer'])
})

test('announcing them a second time, or after the first RPC, is a breach', () => {
  for (const first of [{ control: { extensions: both } }, { subscriptions: [] }]) {
    const { rogue } = meet()
    rogue.send(first)
    expect(rogue.score).toBe(0)
    rogue.send({ control: { extensions: both } })
    expect(rogue.score).toBe(-100)
  }
})

test('what is announced too late does not count', () => {
  const { rogue } = meet({ onTestExtension })
  rogue.send({ subscriptions: [] })
  rogue.send({ control: { extensions: both } })
  expect(rogue.peer.announced.testExtension).not.toBe(true)
})

test('a new stream of the peer begins anew', () => {
  const { node, rogue } = meet({ onTestExtension })
  rogue.send({ control: { extensions: both } })
  node.router.restarted(rogue.peer)
  expect(rogue.peer.announced.testExtension).not.toBe(true)
  rogue.send({ control: { extensions: { testExtension: true } } })
  expect(rogue.score).toBe(0)
  expect(rogue.peer.announced).toEqual({ testExtension: true })
})

test('below 1.3 extensions are no matter', () => {
  const { rogue } = meet({ onTestExtension }, '/meshsub/1.2.0')
  for (let at = 0; at < 3; at++) rogue.send({ control: { extensions: both } })
  expect(rogue.score).toBe(0)
  expect(rogue.peer.announced.testExtension).not.toBe(true)
})
