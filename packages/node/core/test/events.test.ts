import { createNode } from '@peerloom/core'
import { expect, test } from 'vitest'
import { contextOf } from './context.ts'
import { memoryNetwork, memoryNode } from './nodes.ts'
import { until } from '@peerloom/conformance'

test('state topics tell their last value to whoever comes later, others do not', async () => {
  const { events, protocols } = await contextOf()
  protocols.handle('/a', () => {})
  protocols.handle('/b', () => {})
  const seen: unknown[] = []
  events.on('protocols', (list) => seen.push(list))
  events.emit('start', undefined)
  events.on('start', () => seen.push('start'))
  expect(seen).toEqual([['/a', '/b']])
})

test('a listener is called until it leaves, and leaves by itself after once', async () => {
  const { events } = await contextOf()
  const seen: string[] = []
  const off = events.on('start', () => seen.push('on'))
  events.once('start', () => seen.push('once'))
  events.emit('start', undefined)
  events.emit('start', undefined)
  off()
  off()
  events.emit('start', undefined)
  expect(seen).toEqual(['on', 'once', 'on'])
})

test('once on a state topic with a value is over at once', async () => {
  const { events, protocols } = await contextOf()
  protocols.handle('/a', () => {})
  let count = 0
  events.once('protocols', () => count++)
  protocols.handle('/b', () => {})
  expect(count).toBe(1)
})

test('one listener that is subscribed twice is called twice and leaves once', async () => {
  const { events } = await contextOf()
  let count = 0
  const listener = (): void => void count++
  events.on('start', listener)
  const off = events.on('start', listener)
  events.emit('start', undefined)
  off()
  events.emit('start', undefined)
  expect(count).toBe(3)
})

test('a listener that throws is logged and does not disturb the others', async () => {
  const logged: unknown[][] = []
  const node = await createNode({
    start: false,
    log: () => ({ enabled: true, debug: () => {}, error: (...args) => logged.push(args) })
  })
  let heard = 0
  node.events.on('start', () => {
    throw new Error('cannot listen')
  })
  node.events.on('start', () => heard++)
  await node.start()
  await node.stop()
  expect(heard).toBe(1)
  expect(logged[0]?.slice(1)).toEqual(['start', new Error('cannot listen')])
})

test('connections and peers are told in order, once for each', async () => {
  const network = memoryNetwork()
  const far = await memoryNode(network)
  const near = await memoryNode(network)
  const seen: string[] = []
  for (const topic of ['connection:open', 'connection:close', 'peer:connect', 'peer:disconnect', 'stop'] as const) {
    near.events.on(topic, () => seen.push(topic))
  }
  await near.dial(far.multiaddrs())
  await near.dial(far.multiaddrs(), { force: true })
  const [first] = near.connections.list()
  await first?.close()
  await until('one is left', () => near.connections.list().length === 1)
  await near.stop()
  expect(seen).toEqual([
    'connection:open',
    'peer:connect',
    'connection:open',
    'connection:close',
    'connection:close',
    'peer:disconnect',
    'stop'
  ])
})
