import { type Message, OutboundQueue, type Outbound } from '@peerloom/pubsub'
import { expect, test } from 'vitest'

const message = (id: string, bytes = 10): Outbound<Message> => ({ message: { id, topic: 't', bytes }, bytes })
const control = (bytes = 5): Outbound<Message> => ({ rpc: { control: { graft: ['t'] } }, bytes })
const idsOf = (queue: OutboundQueue<Message>): (string | undefined)[] => {
  const ids: (string | undefined)[] = []
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) ids.push(item.message?.id)
  return ids
}

test('the most urgent leaves first, and each priority in order', () => {
  const queue = new OutboundQueue<Message>()
  queue.push(message('gossip'), 'gossip')
  queue.push(message('forward 1'), 'forward')
  queue.push(message('own'), 'own')
  queue.push(message('forward 2'), 'forward')
  queue.push(control(), 'control')
  expect(queue.length).toBe(5)
  expect(queue.bytes).toBe(45)
  expect(idsOf(queue)).toEqual([undefined, 'own', 'forward 1', 'forward 2', 'gossip'])
  expect(queue.bytes).toBe(0)
})

test('a full queue drops the oldest of what is less urgent, and refuses the rest', () => {
  const queue = new OutboundQueue<Message>({ maxBytes: 30, maxItems: 10 })
  expect(queue.push(message('gossip 1'), 'gossip')).toBe(true)
  expect(queue.push(message('gossip 2'), 'gossip')).toBe(true)
  expect(queue.push(message('gossip 3'), 'gossip')).toBe(true)
  expect(queue.push(message('gossip 4'), 'gossip')).toBe(false)
  expect(queue.push(message('forward'), 'forward')).toBe(true)
  expect(queue.push(message('own', 20), 'own')).toBe(true)
  expect(queue.dropped).toBe(4)
  expect(queue.push(message('forward 2'), 'forward')).toBe(false)
  expect(queue.push(control(25), 'control')).toBe(true)
  expect(queue.push(control(25), 'control')).toBe(false)
  expect(queue.bytes).toBeLessThanOrEqual(30)
  expect(idsOf(queue)).toEqual([undefined])
})

test('what does not fit in any case drives nothing out', () => {
  const queue = new OutboundQueue<Message>({ maxBytes: 30, maxItems: 2 })
  queue.push(message('own 1', 9), 'own')
  queue.push(message('own 2', 9), 'own')
  queue.push(message('gossip'), 'gossip')
  expect(queue.push(message('too large', 15), 'forward')).toBe(false)
  expect(queue.push(message('one too many', 5), 'own')).toBe(false)
  expect(queue.dropped).toBe(2)
  expect(idsOf(queue)).toEqual(['own 1', 'own 2', 'gossip'])
})

test('a queue holds no more things than its bound', () => {
  const queue = new OutboundQueue<Message>({ maxBytes: 1000, maxItems: 2 })
  expect([1, 2, 3].map((id) => queue.push(message(`${id}`, 1), 'forward'))).toEqual([true, true, false])
})

test('what the peer does not want any more does not leave, but what is our own does', () => {
  const unwanted = new Set<string>()
  const queue = new OutboundQueue<Message>(undefined, { refuses: (id) => unwanted.has(id) })
  queue.push(message('own'), 'own')
  queue.push(message('forward'), 'forward')
  queue.push(message('answer'), 'gossip')
  queue.push(message('other'), 'gossip')
  for (const id of ['own', 'forward', 'answer']) unwanted.add(id)
  expect(idsOf(queue)).toEqual(['own', 'other'])
  expect([queue.bytes, queue.length]).toEqual([0, 0])
})
