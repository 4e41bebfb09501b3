import { generateKey, peerIdFromPrivateKey, privateKeyFromRaw } from '@peerloom/identity'
import type { KeyType, PrivateKey } from '@peerloom/interface'
import { Authors, encodeMessage, type MessageFields, verifyMessage } from '@peerloom/pubsub'
import { expect, test } from 'vitest'
import { readMessage } from './readers.ts'

const self = peerIdFromPrivateKey(await generateKey())
const seqno = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const data = Uint8Array.of(9, 9)
const keyTypes: readonly KeyType[] = ['Ed25519', 'secp256k1', 'RSA', 'ECDSA']

const judge = async (field: Uint8Array, authors = new Authors()): Promise<string> =>
  verifyMessage(readMessage(field), 'StrictSign', authors, self)

async function signed(key: PrivateKey, changes: Partial<MessageFields> = {}): Promise<MessageFields> {
  const from = peerIdFromPrivateKey(key)
  const fields = { from: from.bytes, data, seqno, topic: 'topic' }
  const signature = await key.sign(readMessage(encodeMessage(fields)).signedBytes())
  const brought = from.publicKey === undefined || from.bytes[0] !== 0 ? { key: key.publicKey.protobuf } : {}
  return { ...fields, signature, ...brought, ...changes }
}

test.each(keyTypes)('a message signed with an %s key is genuine, one that was changed is not', async (type) => {
  const key = await generateKey(type)
  const good = await signed(key)
  const authors = new Authors()
  expect(await judge(encodeMessage(good), authors)).toBe('accept')
  expect(await judge(encodeMessage(good), authors), 'with its key known').toBe('accept')
  for (const change of [
    { data: Uint8Array.of(9, 8) },
    { topic: 'topiC' },
    { seqno: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9) },
    { signature: new Uint8Array(64) },
    { signature: undefined },
    { seqno: undefined },
    { seqno: new Uint8Array(7) },
    { from: undefined },
    { from: Uint8Array.of(1, 2, 3) }
  ]) {
    expect(await judge(encodeMessage({ ...good, ...change }), authors), Object.keys(change)[0]).toBe('reject')
  }
})

test.each(keyTypes)('the key that a message brings has to be that of its author, an %s key too', async (type) => {
  const victim = await generateKey(type)
  const forger = await generateKey(type)
  const forged = await signed(forger, { from: peerIdFromPrivateKey(victim).bytes, key: forger.publicKey.protobuf })
  const { signature: _, key: __, ...fields } = forged
  const signature = await forger.sign(readMessage(encodeMessage(fields)).signedBytes())
  expect(await judge(encodeMessage({ ...forged, signature }))).toBe('reject')
  expect(await judge(encodeMessage({ ...(await signed(victim)), key: victim.publicKey.protobuf }))).toBe('accept')
  expect(await judge(encodeMessage({ ...(await signed(victim)), key: Uint8Array.of(1, 2, 3) }))).toBe('reject')
})

test('the signature is over the bytes as they came, unknown fields and another order included', async () => {
  const key = await generateKey()
  const { bytes } = peerIdFromPrivateKey(key)
  const body = Buffer.concat([
    Buffer.of(0x22, 1, 0x74, 0x7a, 2, 7, 7, 0x1a, 8),
    seqno,
    Buffer.of(0x0a, bytes.length),
    bytes,
    Buffer.of(0x12, 1, 5)
  ])
  const signature = await key.sign(Buffer.concat([Buffer.from('libp2p-pubsub:'), body]))
  const whole = (inner: Buffer): Buffer => Buffer.concat([Buffer.of(0x12, inner.length, 1).subarray(0, 3), inner])
  const field = (inner: Buffer): Buffer => {
    const framed = whole(inner)
    // A length over 127 takes two bytes.
    framed[1] = (inner.length & 0x7f) | 0x80
    framed[2] = inner.length >> 7
    return framed
  }
  const inner = Buffer.concat([body, Buffer.of(0x2a, signature.length), signature])
  expect(await judge(field(inner))).toBe('accept')
  const changed = Buffer.from(inner)
  changed[5] = 8 // inside the unknown field
  expect(await judge(field(changed))).toBe('reject')
})

test('a message with a field twice is refused, whoever signed it', async () => {
  const key = await generateKey()
  const fields = await signed(key)
  const field = Buffer.from(encodeMessage(fields))
  const body = field.subarray(field.length - (field[1]! & 0x7f) - ((field[2]! & 0x7f) << 7))
  const inner = Buffer.concat([body, Buffer.of(0x2a, 0)])
  const twice = Buffer.concat([Buffer.of(0x12, (inner.length & 0x7f) | 0x80, inner.length >> 7), inner])
  expect(await judge(twice)).toBe('reject')
})

test('our own message is no news, and nobody is to blame for it', async () => {
  const key = await privateKeyFromRaw('Ed25519', new Uint8Array(32).fill(7))
  const verdict = await verifyMessage(
    readMessage(encodeMessage(await signed(key))),
    'StrictSign',
    new Authors(),
    peerIdFromPrivateKey(key)
  )
  expect(verdict).toBe('ignore')
})

test('without signing, fields that say who it is from are absent, not empty', async () => {
  const bare = (changes: Partial<MessageFields>) =>
    verifyMessage(readMessage(encodeMessage({ data, topic: 't', ...changes })), 'StrictNoSign', new Authors(), self)
  expect(await bare({})).toBe('accept')
  for (const name of ['from', 'seqno', 'signature', 'key'] as const) {
    expect(await bare({ [name]: new Uint8Array(0) }), name).toBe('reject')
  }
})
