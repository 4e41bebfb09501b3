import { readVarint, varintLength } from '@peerloom/bounded'
import {
  encodeMessage,
  encodeRpc,
  FrameGatherer,
  type Outbound,
  type Rpc,
  rpcBytes,
  splitRpc,
  type WireMessage
} from '@peerloom/pubsub'
import { expect, test } from 'vitest'
import { decoder, readMessage } from './readers.ts'

const rpcItem = (rpc: Rpc<never>): Outbound<WireMessage> => ({ rpc, bytes: rpcBytes(rpc) })
const messageItem = (size: number, fill = 0): Outbound<WireMessage> => {
  const message = readMessage(encodeMessage({ data: new Uint8Array(size).fill(fill), topic: 't' }))
  return { message, bytes: message.bytes }
}

function gathered(items: readonly Outbound<WireMessage>[], gatherBytes = 1000) {
  const pieces: Uint8Array[] = []
  const gatherer = new FrameGatherer(gatherBytes, (bytes) => pieces.push(bytes))
  for (const item of items) gatherer.add(item)
  gatherer.flush()
  const all = new Uint8Array(Buffer.concat(pieces))
  const frames: Uint8Array[] = []
  for (let at = 0; at < all.length;) {
    const length = readVarint(all, at)
    at += varintLength(length)
    frames.push(all.subarray(at, at + length))
    at += length
  }
  return { pieces, frames, rpcs: frames.map((frame) => decoder().decode(frame)) }
}

test('all that waits goes into one frame, with one control field', () => {
  const { frames, rpcs } = gathered([
    rpcItem({ subscriptions: [{ topic: 'a', subscribe: true }], control: { extensions: { testExtension: true } } }),
    rpcItem({ control: { graft: ['a'] } }),
    messageItem(10, 1),
    rpcItem({ control: { idontwant: [['x']] } }),
    messageItem(20, 2),
    rpcItem({ control: { graft: ['b'], iwant: [['y']] } })
  ])
  expect(rpcs).toHaveLength(1)
  expect(rpcs[0]?.publish?.map(({ data }) => data.length)).toEqual([10, 20])
  expect(rpcs[0]?.control).toMatchObject({
    graft: ['a', 'b'],
    iwant: [['y']],
    idontwant: [['x']],
    extensions: { testExtension: true }
  })
  const [first] = frames as [Uint8Array]
  const tags = [...first].join(' ').match(/\b26 \d+ /g) ?? []
  expect(tags.length, 'a second control field').toBeGreaterThan(0)
  expect(rpcBytes(rpcs[0] as Rpc<WireMessage>)).toBe(first.length)
})

test('frames end at their bound, and hold one longer thing alone', () => {
  const { frames, rpcs } = gathered([
    messageItem(400),
    messageItem(400),
    messageItem(400),
    messageItem(3000),
    messageItem(5)
  ])
  expect(rpcs.map(({ publish }) => publish?.map(({ data }) => data.length))).toEqual([[400, 400], [400], [3000], [5]])
  for (const frame of frames) expect(frame.length).toBeLessThan(3100)
})

test('a large message is sent as it lies, so that peers share it', () => {
  const item = messageItem(100_000, 3)
  const { pieces, rpcs } = gathered([rpcItem({ control: { graft: ['a'] } }), item], 200_000)
  expect(rpcs[0]?.publish?.[0]?.data).toEqual(item.message?.data)
  expect(pieces.some(({ buffer }) => buffer === item.message?.field.buffer)).toBe(true)
})

test('parts of messages and extensions are one in each RPC', () => {
  const partial = { topic: 't', groupId: Uint8Array.of(1) }
  const { rpcs } = gathered([rpcItem({ partial }), rpcItem({ partial: { ...partial, groupId: Uint8Array.of(2) } })])
  expect(rpcs.map((rpc) => rpc.partial?.groupId[0])).toEqual([1, 2])
  const extensions = { testExtension: true }
  expect(gathered([rpcItem({ control: { extensions } }), rpcItem({ control: { extensions } })]).rpcs).toHaveLength(2)
})

test('a long RPC is split into ones that peers read, and nothing is lost', () => {
  const topics = Array.from({ length: 500 }, (_, at) => `topic ${at}`)
  const ids = Array.from({ length: 2000 }, (_, at) => `message ${at}`)
  const rpc: Rpc<never> = {
    subscriptions: topics.map((topic) => ({ topic, subscribe: true })),
    control: {
      ihave: [{ topic: 'a', ids }],
      iwant: [ids],
      idontwant: [ids, ['last']],
      graft: topics,
      prune: topics.map((topic) => ({ topic, backoffSeconds: 60 })),
      extensions: { partialMessages: true }
    },
    partial: { topic: 'p', groupId: Uint8Array.of(1) },
    testExtension: true
  }
  const pieces = splitRpc(rpc, 2000)
  for (const piece of pieces) expect(encodeRpc(piece as Rpc<WireMessage>).length).toBeLessThanOrEqual(2000)
  expect(pieces[0]?.control?.extensions).toEqual({ partialMessages: true })
  expect(pieces.flatMap(({ subscriptions }) => subscriptions ?? [])).toEqual(rpc.subscriptions)
  const all = (kind: 'iwant' | 'idontwant') => pieces.flatMap(({ control }) => control?.[kind] ?? []).flat()
  expect(all('iwant')).toEqual(ids)
  expect(all('idontwant')).toEqual([...ids, 'last'])
  expect(pieces.flatMap(({ control }) => control?.ihave ?? []).flatMap((one) => one.ids)).toEqual(ids)
  expect(pieces.flatMap(({ control }) => control?.graft ?? [])).toEqual(topics)
  expect(pieces.flatMap(({ control }) => control?.prune ?? [])).toEqual(rpc.control?.prune)
  expect(pieces.filter(({ partial }) => partial !== undefined)).toHaveLength(1)
  const { rpcs } = gathered([rpcItem(rpc)], 2000)
  expect(rpcs.flatMap(({ control }) => control?.graft ?? [])).toEqual(topics)
})
