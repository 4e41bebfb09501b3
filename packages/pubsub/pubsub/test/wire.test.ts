import {
  binaryBytes,
  binaryString,
  encodeMessage,
  encodeRpc,
  type Rpc,
  rpcBytes,
  type WireMessage
} from '@peerloom/pubsub'
import { expect, test } from 'vitest'
import { decoder, hex, readMessage } from './readers.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const message = readMessage(
  encodeMessage({
    from: bytes(0, 1),
    data: bytes(7, 8),
    seqno: bytes(0, 0, 0, 0, 0, 0, 0, 9),
    topic: 't',
    key: bytes(5)
  })
)

// Worked out by hand from the protobuf of the pubsub and gossipsub specifications.
const rpcs: readonly (readonly [string, Rpc<WireMessage>, string])[] = [
  ['nothing', {}, ''],
  ['a subscription', { subscriptions: [{ topic: 'ab', subscribe: true }] }, '0a06 0801 1202 6162'],
  ['leaving a topic', { subscriptions: [{ topic: 'é', subscribe: false }] }, '0a06 0800 1202 c3a9'],
  [
    'partial messages asked for',
    { subscriptions: [{ topic: 'a', subscribe: true, requestsPartial: true, supportsPartial: true }] },
    '0a09 0801 1201 61 1801 2001'
  ],
  ['a message', { publish: [message] }, '1218 0a02 0001 1202 0708 1a08 0000000000000009 2201 74 3201 05'],
  ['IHAVE', { control: { ihave: [{ topic: 't', ids: ['ab', '\u00ff'] }] } }, '1a0c 0a0a 0a01 74 1202 6162 1201 ff'],
  ['IWANT', { control: { iwant: [['a'], ['b', 'c']] } }, '1a0d 1203 0a01 61 1206 0a01 62 0a01 63'],
  ['GRAFT', { control: { graft: ['t', 'u'] } }, '1a0a 1a03 0a01 74 1a03 0a01 75'],
  [
    'PRUNE',
    {
      control: {
        prune: [{ topic: 't', peers: [{ peerId: bytes(1), signedPeerRecord: bytes(2, 3) }], backoffSeconds: 300 }]
      }
    },
    '1a11 220f 0a01 74 1207 0a01 01 1202 0203 18ac02'
  ],
  ['IDONTWANT', { control: { idontwant: [['\u0080']] } }, '1a05 2a03 0a01 80'],
  [
    'extensions',
    { control: { extensions: { partialMessages: true, testExtension: true } } },
    '1a09 3207 5001 9091e218 01'
  ],
  [
    'a part',
    { partial: { topic: 't', groupId: bytes(1), part: bytes(2), partsMetadata: bytes(3) } },
    '520c 0a01 74 1201 01 1a01 02 2201 03'
  ],
  ['the test extension', { testExtension: true }, '9291e218 00']
]

test.each(rpcs)('%s is written as the specification has it, in the size that is counted', (_, rpc, written) => {
  expect(Buffer.from(encodeRpc(rpc)).toString('hex')).toBe(Buffer.from(hex(written)).toString('hex'))
  expect(rpcBytes(rpc)).toBe(hex(written).length)
})

test.each(rpcs)('%s is read as it was written', (_, rpc, written) => {
  const read = decoder().decode(hex(written))
  expect(Buffer.from(encodeRpc(read)).equals(hex(written))).toBe(true)
  expect(read.subscriptions).toEqual(rpc.subscriptions)
  const { publish, control, partial, testExtension } = read
  expect(publish?.map(({ topic, id }) => ({ topic, id }))).toEqual(rpc.publish?.map(({ topic, id }) => ({ topic, id })))
  if (rpc.control !== undefined) expect(control).toMatchObject(rpc.control)
  expect({ partial, testExtension }).toEqual({ partial: rpc.partial, testExtension: rpc.testExtension })
})

test('parts of a message are found where they lie', () => {
  expect(message).toMatchObject({ topic: 't', bytes: 26, isMalformed: false, signature: undefined })
  expect([message.from, message.data, message.seqno, message.key]).toEqual([
    bytes(0, 1),
    bytes(7, 8),
    bytes(0, 0, 0, 0, 0, 0, 0, 9),
    bytes(5)
  ])
  expect(message.id).toBe('\u0000\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0009')
})

test('a message keeps its very bytes, unknown fields and all, when it is sent on', () => {
  const whole = Buffer.concat([
    hex('0a05 0801 1201 61'),
    hex('120f 2201 74 1a01 05 7a02 ffff 2a01 09 0a00'),
    hex('1a00')
  ])
  const [read] = decoder().decode(whole).publish ?? []
  expect(Buffer.from(read?.field ?? []).toString('hex')).toBe(whole.subarray(7, 24).toString('hex'))
  read?.keep()
  expect(Buffer.from(read?.field ?? []).toString('hex')).toBe(whole.subarray(7, 24).toString('hex'))
  expect(read?.from).toEqual(bytes())
  expect(read?.topic).toBe('t')
})

test('what is signed is the message without signature and key, wherever they stand', () => {
  const head = Buffer.from('libp2p-pubsub:')
  const inFront = readMessage(hex('1212 2a02 aaaa 2201 74 3201 bb 7a02 ffff 1202 0102'))
  expect(Buffer.from(inFront.signedBytes())).toEqual(Buffer.concat([head, hex('2201 74 7a02 ffff 1202 0102')]))
  const behind = readMessage(hex('120d 2201 74 1202 0102 3200 2a02 aaaa'))
  expect(Buffer.from(behind.signedBytes())).toEqual(Buffer.concat([head, hex('2201 74 1202 0102')]))
  const bare = readMessage(hex('1203 2201 74'))
  expect(Buffer.from(bare.signedBytes())).toEqual(Buffer.concat([head, hex('2201 74')]))
})

test('a message with a field twice, or without a topic, is known to be malformed', () => {
  expect(readMessage(hex('1206 2201 74 2201 75')).isMalformed).toBe(true)
  expect(readMessage(hex('1208 2201 74 0a00 0a01 01')).isMalformed).toBe(true)
  expect(readMessage(hex('1203 1201 01')).isMalformed).toBe(true)
})

test('a small message lets go of the large buffer it came in', () => {
  const large = new Uint8Array(100_000)
  large.set(hex('1206 2201 74 1201 01'), 500)
  const read = decoder().decode(large.subarray(500, 508)).publish?.[0]
  read?.keep()
  expect(read?.field.buffer.byteLength).toBe(8)
  expect(read?.data).toEqual(bytes(1))
})

test('control that comes in two fields is merged', () => {
  const twice = Buffer.concat([hex('1a05 1a03 0a01 74'), hex('1a05 1a03 0a01 75')])
  expect(decoder().decode(twice).control?.graft).toEqual(['t', 'u'])
})

test('a backoff of any number is read', () => {
  const prune = hex('1a0f 220d 0a00 18 ffffffffffffffffff01')
  expect(decoder().decode(prune).control?.prune).toEqual([{ topic: '', backoffSeconds: 2 ** 64 }])
})

test('binary strings and bytes are the same thing', () => {
  const all = Uint8Array.from({ length: 10_000 }, (_, at) => at & 255)
  expect(binaryBytes(binaryString(all))).toEqual(all)
  expect(binaryString(bytes(0, 127, 128, 255))).toBe('\u0000\u007f\u0080\u00ff')
})
