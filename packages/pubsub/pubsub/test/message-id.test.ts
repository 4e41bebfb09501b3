import { generateKey, peerIdFromPrivateKey, privateKeyFromRaw } from '@peerloom/identity'
import {
  Authors,
  binaryBytes,
  encodeMessage,
  type MessageIdOption,
  type MessageFields,
  messageIdRule,
  RpcDecoder
} from '@peerloom/pubsub'
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'

const key = await privateKeyFromRaw('Ed25519', new Uint8Array(32).fill(1))
const from = peerIdFromPrivateKey(key)
const seqno = Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 2)
const data = Uint8Array.of(1, 2, 3)

function idOf(option: MessageIdOption, changes: Partial<MessageFields> = {}): Uint8Array {
  const authors = new Authors()
  const decoder = new RpcDecoder({ idOf: messageIdRule(option), authorOf: (one) => authors.of(one)?.name })
  const field = encodeMessage({ from: from.bytes, data, seqno, topic: 'topic', ...changes })
  return binaryBytes(decoder.decode(field).publish?.[0]?.id ?? '')
}

const sha256 = (...parts: readonly (Uint8Array | string)[]): Uint8Array => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}
const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

test('the specification and go-libp2p: from, then the sequence number', () => {
  expect(idOf('spec')).toEqual(join(from.bytes, seqno))
  expect(idOf('go')).toEqual(idOf('spec'))
})

test('rust-libp2p: base58 and decimal', () => {
  expect(idOf('rust')).toEqual(new Uint8Array(Buffer.from(`${from}258`)))
  expect(idOf('rust', { from: Uint8Array.of(5), seqno: undefined })).toEqual(Uint8Array.of(5, 0x30))
})

test('js-libp2p: the key, then the sequence number; the key of an RSA peer comes with its message', async () => {
  expect(idOf('js')).toEqual(join(key.publicKey.protobuf, seqno))
  const rsa = await generateKey('RSA')
  const { bytes } = peerIdFromPrivateKey(rsa)
  expect(idOf('js', { from: bytes, key: rsa.publicKey.protobuf })).toEqual(join(rsa.publicKey.protobuf, seqno))
})

test('messages without an author: the digest of their content', () => {
  expect(idOf('content', { from: undefined, seqno: undefined })).toEqual(sha256(data))
})

// p2p-interface of the consensus specifications, phase0 and altair.
test('Ethereum: 20 bytes of the digest of domain, topic and content', () => {
  const decompress = (bytes: Uint8Array): Uint8Array | undefined => {
    if (bytes[0] === 0) throw new Error('not snappy')
    return bytes[0] === 2 ? undefined : Uint8Array.of(4, 5)
  }
  const length = Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0)
  const valid = Uint8Array.of(1, 0, 0, 0)
  const invalid = Uint8Array.of(0, 0, 0, 0)
  const content = Uint8Array.of(4, 5)
  expect(idOf({ ethereum: { decompress } })).toEqual(sha256(valid, length, 'topic', content).subarray(0, 20))
  expect(idOf({ ethereum: { decompress, rule: 'phase0' } })).toEqual(sha256(valid, content).subarray(0, 20))
  for (const first of [0, 2]) {
    const bad = Uint8Array.of(first, 1)
    expect(idOf({ ethereum: { decompress } }, { data: bad })).toEqual(
      sha256(invalid, length, 'topic', bad).subarray(0, 20)
    )
  }
})

test('a rule of the application', () => {
  expect(idOf((message) => message.data)).toEqual(data)
  expect(() => messageIdRule('none' as 'spec')).toThrowError(
    expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }) as Error
  )
})
