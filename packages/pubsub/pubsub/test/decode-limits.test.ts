import { encodeMessage, encodeRpc, type RpcLimits } from '@peerloom/pubsub'
import { expect, test } from 'vitest'
import { decoder, hex } from './readers.ts'

const times = (count: number, text: string): Uint8Array => {
  const one = hex(text)
  const all = new Uint8Array(one.length * count)
  for (let at = 0; at < count; at++) all.set(one, at * one.length)
  return all
}
const refused = (bytes: Uint8Array, limits: Partial<RpcLimits> = {}) =>
  expect(() => decoder(limits).decode(bytes)).toThrowError(expect.objectContaining({ code: 'ERR_DECODE' }) as Error)

test('4 MiB with 349,525 subscriptions are refused behind the first 5,000', () => {
  refused(times(349_525, '0a0a 0801 1206 616161616161'))
  refused(times(5001, '0a00'))
  expect(decoder().decode(times(5000, '0a00')).subscriptions).toHaveLength(5000)
})

test.each([
  ['messages', '1200'],
  ['subscriptions', '0a00'],
  ['control', '1a02 1a00'],
  ['unknown fields', '7a00'],
  ['unknown fields of a control', '1a02 7a00'],
  ['control fields', '1a00'],
  ['parts', '5200']
])('a flood of empty %s is refused', (_, one) => refused(times(500_000, one)))

test('a message with one field half a million times is refused', () => {
  const inner = times(500_000, '0a00')
  refused(Buffer.concat([hex('12c0843d'), inner]))
})

test('lists of ids and peers are cut, not refused', () => {
  const ids = Array.from({ length: 20 }, (_, at) => `id${at}`)
  const peers = ids.map(() => ({ peerId: new Uint8Array(3) }))
  const control = {
    ihave: [
      { topic: 'a', ids },
      { topic: 'b', ids }
    ],
    iwant: [ids, ids],
    idontwant: [ids, ids],
    prune: [{ topic: 'a', peers }]
  }
  const read = decoder({ maxIds: 25, maxIdontwantIds: 30 }).decode(encodeRpc({ control })).control
  expect(read?.ihave?.map((one) => one.ids.length)).toEqual([20, 5])
  expect(read?.iwant?.map(({ length }) => length)).toEqual([20, 5])
  expect(read?.idontwant?.map(({ length }) => length)).toEqual([20, 10])
  expect(read?.prune?.[0]?.peers).toHaveLength(16)
})

test('long ids are left out, long topics and long RPCs are refused', () => {
  const iwant = [['a'.repeat(512), 'b'.repeat(513)]]
  expect(decoder().decode(encodeRpc({ control: { iwant } })).control?.iwant).toEqual([['a'.repeat(512)]])
  const long = 'é'.repeat(513)
  refused(encodeRpc({ subscriptions: [{ topic: long, subscribe: true }] }))
  refused(encodeRpc({ control: { graft: [long] } }))
  refused(encodeMessage({ data: new Uint8Array(0), topic: long }))
  refused(new Uint8Array(11), { maxRpcBytes: 10 })
})

test.each([
  ['a topic that is no text', '1203 2201 ff'],
  ['a field number 0', '0200'],
  ['a group', '0b'],
  ['a length over the end', '0a05 0801'],
  ['a length of 2^63', '0a ffffffffffffffff7f'],
  ['a field that goes over its message', '0a02 1205 6161616161'],
  ['a number of eleven bytes', '0a0d 08 ffffffffffffffffffffff01 00'],
  ['a topic that is a number', '0a02 1001'],
  ['a flag that is bytes', '0a02 0a00'],
  ['a number that ends early', '0a02 0880']
])('%s is refused', (_, bytes) => refused(hex(bytes)))
