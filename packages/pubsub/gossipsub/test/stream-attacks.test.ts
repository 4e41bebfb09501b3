import { encodeVarint, lengthPrefix } from '@peerloom/bounded'
import { until } from '@peerloom/conformance'
import type { Stream } from '@peerloom/interface'
import { encodeMessage, encodeRpc } from '@peerloom/pubsub'
import { expect, test } from 'vitest'
import { bareNode, encode, gossipNode, type GossipNode } from './nodes.ts'

const flood = (count: number, one: number[]): Uint8Array => {
  const all = new Uint8Array(count * one.length)
  for (let at = 0; at < count; at++) all.set(one, at * one.length)
  return all
}

/** A victim with an honest friend who publishes, and what came of it. */
async function scene(options: Parameters<typeof gossipNode>[0] = {}) {
  const [victim, friend] = await Promise.all([gossipNode(options), gossipNode()])
  const heard: number[] = []
  victim.services.pubsub.subscribe('t', ({ data, receivedFrom }) => {
    if (receivedFrom !== undefined) heard.push(data[0]!)
  })
  await friend.dial(victim.multiaddrs())
  await until('subscribed', () => friend.services.pubsub.peers('t').length === 1)
  let said = 0
  const delivers = async (): Promise<void> => {
    await friend.services.pubsub.publish('t', Uint8Array.of(said++))
    await until('honest delivery', () => heard.length === said)
  }
  return { victim, friend, delivers }
}

const stat = (victim: GossipNode) =>
  victim.inspect().services['pubsub'] as {
    links: { peer: string; queue: { bytes: number; length: number; dropped: number } }[]
    banned: string[]
  }

test.each([
  [
    '349,525 subscriptions in a frame',
    lengthPrefix(flood(349_525, [0x0a, 0x0a, 8, 1, 0x12, 6, 97, 97, 97, 97, 97, 97]))
  ],
  ['half a million empty entries', lengthPrefix(flood(500_000, [0x12, 0]))],
  ['a frame of a gigabyte', encodeVarint(2 ** 30)],
  ['a frame of 2^60', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f)],
  ['noise', Uint8Array.from({ length: 5000 }, (_, at) => (at * 7919) & 255)]
])('%s resets the stream; who goes on is not listened to until it comes back', async (_, bytes) => {
  const { victim, delivers } = await scene()
  const attacker = await bareNode()
  await attacker.dial(victim.multiaddrs())
  let resets = 0
  for (let round = 0; round < 4; round++) {
    const stream = await attacker.openStream(victim.peerId, '/meshsub/1.1.0')
    const over = new Promise<void>((resolve) => {
      stream.attach({ data: () => {}, end: () => {}, closed: (error) => resolve(void (resets += error ? 1 : 0)) })
    })
    for (let at = 0; at < bytes.length && stream.status === 'open'; at += 100_000) {
      await stream.write(bytes.slice(at, at + 100_000)).catch(() => {})
    }
    await over
    await delivers()
  }
  expect(resets).toBe(4)
  await until('banned', () => stat(victim).banned.includes(attacker.peerId.toString()))
  await attacker.hangUp(victim.peerId)
  await until('forgotten', () => stat(victim).banned.length === 0)
  await delivers()
})

test('a peer that never reads costs the bound of its queue, and then its stream', async () => {
  const { victim, friend, delivers } = await scene({
    queue: { maxBytes: 300_000 },
    links: { stallTimeoutMs: 500, maxReopens: 1, reopenFirstMs: 10 }
  })
  const attacker = await bareNode((stream) => stream.pause())
  await attacker.dial(victim.multiaddrs())
  const stream = await attacker.openStream(victim.peerId, '/meshsub/1.1.0')
  stream.send(lengthPrefix(encodeRpc({ subscriptions: [{ topic: 't', subscribe: true }], control: { graft: ['t'] } })))
  await until('subscribed', () => victim.services.pubsub.peers('t').length === 1)
  const link = () => stat(victim).links.find(({ peer }) => peer === attacker.peerId.toString())
  let peak = 0
  for (let round = 0; round < 60; round++) {
    await victim.services.pubsub.publish('t', new Uint8Array(50_000))
    peak = Math.max(peak, link()?.queue.bytes ?? 0)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(peak).toBeGreaterThan(150_000)
  expect(peak).toBeLessThanOrEqual(300_000)
  expect(link()?.queue.dropped).toBeGreaterThan(0)
  // It is given another stream, takes nothing there either, and is left alone.
  await until(
    'given up',
    () => {
      if ((link()?.queue.bytes ?? 0) < 100_000) void victim.services.pubsub.publish('t', new Uint8Array(50_000))
      return link() === undefined
    },
    15_000
  )
  await until('friend is still there', () => friend.services.pubsub.peers('t').length === 1)
  await delivers()
})

test('streams opened one after another are refused when there are too many', async () => {
  const { victim, delivers } = await scene()
  const attacker = await bareNode()
  await attacker.dial(victim.multiaddrs())
  let refused = 0
  for (let round = 0; round < 30; round++) {
    const stream: Stream = await attacker.openStream(victim.peerId, '/meshsub/1.1.0')
    stream.attach({ data: () => {}, end: () => {}, closed: (error) => void (refused += error ? 1 : 0) })
    stream.send(Uint8Array.of(0))
  }
  await until('all but one are over', () => refused >= 29)
  await delivers()
})

test('forged copies ahead of the good one do not keep it away', async () => {
  const { victim, friend } = await scene()
  const attacker = await bareNode()
  await attacker.dial(victim.multiaddrs())
  const heard: Uint8Array[] = []
  victim.services.pubsub.subscribe('t', ({ data, id }) => heard.push(data, id))
  const stream = await attacker.openStream(victim.peerId, '/meshsub/1.1.0')
  // The friend's next number is guessed: it starts from the time.
  const numbers: Uint8Array[] = []
  friend.services.pubsub.subscribe('t', ({ id }) => numbers.push(id))
  await friend.services.pubsub.publish('t', encode('one'))
  await until('heard', () => heard.length === 2)
  const seqno = numbers[0]!.slice(-8)
  const view = new DataView(seqno.buffer)
  view.setBigUint64(0, view.getBigUint64(0) + 1n)
  const forged = { from: friend.peerId.bytes, seqno, topic: 't', data: encode('bad'), signature: new Uint8Array(64) }
  stream.send(lengthPrefix(encodeMessage(forged)))
  const counted = () => stat(victim).links.length
  await until('the forger is a peer', () => counted() === 2)
  await friend.services.pubsub.publish('t', encode('two'))
  await until('the good one is heard', () => heard.length === 4)
  expect(heard[2]).toEqual(encode('two'))
  expect(heard[3]).toEqual(Uint8Array.from([...friend.peerId.bytes, ...seqno]))
})

test('after peers have come and gone, nothing of them is left', async () => {
  const { victim, delivers } = await scene()
  for (let round = 0; round < 10; round++) {
    const guest = await gossipNode()
    guest.services.pubsub.subscribe('t')
    guest.services.pubsub.subscribe(`topic ${round}`)
    await guest.dial(victim.multiaddrs())
    await until('known', () => victim.services.pubsub.peers(`topic ${round}`).length === 1)
    await guest.stop()
    await until('gone', () => victim.services.pubsub.peers().length === 1)
  }
  expect(stat(victim).links).toHaveLength(1)
  await delivers()
})
