import { expect, test } from 'vitest'
import { lengthPrefix, ProtobufWriter } from '@peerloom/bounded'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import { type NodeContext, systemClock } from '@peerloom/interface'
import { plaintext, type PlaintextOptions } from '@peerloom/plaintext'
import { byteReader, channelPair } from '@peerloom/streams'

const key = await generateKey()
const id = peerIdFromPrivateKey(key)
const other = await generateKey()
const node = { peerId: id, publicKey: key.publicKey, clock: systemClock } as NodeContext
const make = (options?: PlaintextOptions) => plaintext(options)(node)

/** What becomes of a remote that says this. */
async function answer(exchange: Uint8Array): Promise<unknown> {
  const [near, far] = channelPair()
  far.send(exchange)
  try {
    return await make().secure(near, { role: 'responder', muxers: [] })
  } catch (error) {
    expect(near.status).toBe('reset')
    return error
  }
}

test('an exchange has the bytes of the specification', async () => {
  const [near, far] = channelPair()
  make()
    .secure(near, { role: 'initiator', muxers: [] })
    .catch(() => {})
  const bytes = await byteReader(far).readSome()
  // Its length; field 1, an id of 38 bytes; field 2, a public key of 36.
  expect([...(bytes as Uint8Array)]).toEqual([78, 0x0a, 38, ...id.bytes, 0x12, 36, ...key.publicKey.protobuf])
  near.abort(new Error('done'))
})

const exchange = (fields: readonly (readonly [number, Uint8Array])[]): Uint8Array => {
  const writer = new ProtobufWriter()
  for (const [field, bytes] of fields) writer.bytes(field, bytes)
  return lengthPrefix(writer.finish())
}
const goodKey = [2, key.publicKey.protobuf] as const
const goodId = [1, id.bytes] as const

test('a field that a later version may add is passed over', async () => {
  expect(await answer(exchange([goodId, [7, Uint8Array.of(1)], goodKey]))).toMatchObject({ remotePeer: id })
})

test.each([
  ['no key', exchange([goodId])],
  ['no id', exchange([goodKey])],
  ['the key of another', exchange([goodId, [2, other.publicKey.protobuf]])],
  ['a key that is none', exchange([goodId, [2, Uint8Array.of(8, 1)]])],
  ['an id that is none', exchange([[1, Uint8Array.of(1, 2, 3)], goodKey])],
  ['an empty message', Uint8Array.of(0)],
  ['too many fields', exchange([...Array.from({ length: 20 }, () => [9, new Uint8Array(0)] as const), goodId, goodKey])]
])('%s is refused', async (_name, bytes) => {
  expect(await answer(bytes)).toMatchObject({ code: 'ERR_SECURITY', remote: true })
})

test('an exchange that is announced too long is refused before it comes', async () => {
  expect(await answer(Uint8Array.of(0x81, 0x40))).toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE', remote: true })
})

test('bytes behind the exchange are for the next reader', async () => {
  const [near, far] = channelPair()
  far.send(new Uint8Array([...exchange([goodId, goodKey]), 1, 2, 3]))
  const { channel } = await make().secure(near, { role: 'responder', muxers: [] })
  expect([...(await byteReader(channel).read(3))]).toEqual([1, 2, 3])
})

test('a silent remote is given up after the time that was set', async () => {
  const [near] = channelPair()
  await expect(make({ handshakeTimeoutMs: 10 }).secure(near, { role: 'initiator', muxers: [] })).rejects.toMatchObject({
    code: 'ERR_TIMEOUT'
  })
})
