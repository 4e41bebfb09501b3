import { expect, test } from 'vitest'
import { seededRandom, fuzzSeed as seed } from '@peerloom/conformance'
import { ProtobufWriter } from '@peerloom/bounded'
import { generateKey } from '@peerloom/identity'
import { byteReader, channelPair } from '@peerloom/streams'
import { crypto } from '../src/crypto.ts'
import { HandshakeState } from '../src/handshake-state.ts'
import { encodePayload, signedData } from '../src/payload.ts'
import { frame } from '../src/record.ts'
import { party } from './harness.ts'

const empty = new Uint8Array(0)

/** Meets an honest initiator with a flawless handshake around any payload, and says how it took that. */
async function answerWith(payloadFor: (staticKey: Uint8Array) => Uint8Array | Promise<Uint8Array>): Promise<unknown> {
  const [near, far] = channelPair()
  const securing = (await party()).security.secure(near, { role: 'initiator', muxers: [] })
  securing.catch(() => {})
  const own = await crypto.generateKey()
  const state = new HandshakeState(crypto, 'responder', await crypto.generateKey(), empty)
  state.useStatic(own)
  const reader = byteReader(far)
  await state.read((await reader.read(34)).subarray(2))
  far.send(frame(await state.write(await payloadFor(own.publicKey))))
  try {
    await securing
    return 'secured'
  } catch (error) {
    expect(near.status).toBe('reset')
    return error
  }
}

const refused = expect.objectContaining({ code: 'ERR_SECURITY', remote: true }) as unknown
const identity = await generateKey()
const identityKey = identity.publicKey.protobuf

async function signed(staticKey: Uint8Array): Promise<Uint8Array> {
  return identity.sign(signedData(staticKey))
}

test('fields that a later version may add are passed over', async () => {
  const payload = async (key: Uint8Array): Promise<Uint8Array> =>
    new ProtobufWriter()
      .bytes(1, identityKey)
      .bytes(3, Uint8Array.of(1, 2)) // `data` of old
      .bytes(2, await signed(key))
      .uint64(9, 7)
      .bytes(4, new ProtobufWriter().uint64(7, 1).finish())
      .finish()
  expect(await answerWith(payload)).toBe('secured')
})

const rsa = Uint8Array.of(8, 0, 18, 8, 0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x02, 0x01)

test.each([
  ['nothing', () => empty],
  ['no key', async (key: Uint8Array) => new ProtobufWriter().bytes(2, await signed(key)).finish()],
  ['no signature', () => new ProtobufWriter().bytes(1, identityKey).finish()],
  ['a length over the end', () => Uint8Array.of(10, 200, 1)],
  ['a key that is none', () => encodePayload({ ...plain, identityKey: Uint8Array.of(1, 2, 3) })],
  ['a key of an unknown type', () => encodePayload({ ...plain, identityKey: Uint8Array.of(8, 77, 18, 1, 1) })],
  ['an RSA key with a huge length', () => encodePayload({ ...plain, identityKey: rsa })],
  [
    'a million empty muxers',
    () =>
      tooMany(
        4,
        new Uint8Array(60_000).map((_, at) => (at % 2 === 0 ? 18 : 0))
      )
  ],
  ['extensions inside extensions', () => tooMany(4, new Uint8Array(1000).fill(0x22))],
  ['a muxer that is not UTF-8', () => tooMany(4, Uint8Array.of(18, 2, 0xff, 0xfe))],
  [
    'a signature without its prefix',
    async (key: Uint8Array) => encodePayload({ ...plain, identitySignature: await identity.sign(key) })
  ]
])('%s as a payload is refused, typed and as the remote’s fault', async (_name, payload) => {
  expect(await answerWith(payload)).toEqual(refused)
})

const plain = { identityKey, identitySignature: new Uint8Array(64), muxers: [], certHashes: [] }
const tooMany = (field: number, bytes: Uint8Array): Uint8Array =>
  new ProtobufWriter().bytes(1, identityKey).bytes(2, new Uint8Array(64)).bytes(field, bytes).finish()

test('random and changed payloads never throw past the handshake', async () => {
  const random = seededRandom(seed)
  for (let round = 0; round < 150; round++) {
    const outcome = await answerWith(async (key) => {
      const bytes = encodePayload({ ...plain, identitySignature: await signed(key), muxers: ['/yamux/1.0.0'] })
      if (round % 2 === 0) return Uint8Array.from({ length: random(300) }, () => random(256))
      // Key and signature, where every change matters; the extensions may change unnoticed only by their sender.
      const at = random(2 + identityKey.length + 2 + 64)
      bytes[at] = (bytes[at] as number) ^ (1 << random(8))
      return bytes
    })
    expect(outcome, `seed ${seed}, round ${round}`).toEqual(refused)
  }
})
