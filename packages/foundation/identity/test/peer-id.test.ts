import { base16 } from 'multiformats/bases/base16'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { expect, test } from 'vitest'
import { parsePeerId, peerIdFromBytes, publicKeyFromProtobuf } from '@peerloom/identity'
import { specKeys, specPeerIds } from './fixtures/peer-ids-spec.ts'
import { fromHex } from './hex.ts'

const cidOf = (bytes: Uint8Array): Uint8Array => Uint8Array.of(1, 0x72, ...bytes)

test('a peer id is read from CIDs in base32, base36 and base58btc', () => {
  const id = parsePeerId(specPeerIds.ed25519)
  for (const text of [id.toCid(), base36.encode(cidOf(id.bytes)), base58btc.encode(cidOf(id.bytes))]) {
    expect(parsePeerId(text).toString()).toBe(specPeerIds.ed25519)
  }
  expect(id.toCid()).toMatch(/^bafzaaj/)
  expect(base36.encode(cidOf(id.bytes))).toMatch(/^k51qzi5uqu5d/)
})

test('a peer id prints as its text', () => {
  const id = parsePeerId(specPeerIds.base58)
  expect(JSON.stringify({ id })).toBe(`{"id":"${specPeerIds.base58}"}`)
  expect(Object.prototype.toString.call(id)).toContain(specPeerIds.base58)
  expect(id.publicKey).toBe(undefined)
})

test('text that is not a peer id throws ERR_INVALID_ARGUMENT', () => {
  const { bytes } = parsePeerId(specPeerIds.base58)
  const texts = [
    '',
    '1',
    'Qm',
    'hello',
    specPeerIds.base58.slice(1),
    specPeerIds.base58.replace('Y', '0'),
    `${specPeerIds.base58}1`,
    specPeerIds.ed25519.slice(0, -1),
    `/p2p/${specPeerIds.ed25519}`,
    ` ${specPeerIds.ed25519}`,
    '1'.repeat(96),
    '1'.repeat(100_000),
    base16.encode(cidOf(bytes)),
    base36.encode(Uint8Array.of(1, 0x55, ...bytes)),
    base36.encode(Uint8Array.of(0, 0x72, ...bytes)),
    base36.encode(bytes)
  ]
  for (const text of texts) {
    expect(() => parsePeerId(text), text.slice(0, 60)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' })
    )
  }
})

test('bytes that are not a multihash of a key throw ERR_DECODE', () => {
  const good = parsePeerId(specPeerIds.ed25519).bytes
  const secp256k1 = Uint8Array.of(0, 37, ...fromHex(specKeys.secp256k1.public))
  expect(peerIdFromBytes(secp256k1).toString()).toMatch(/^16Uiu2H/)
  const notOnCurve = Uint8Array.of(...secp256k1.subarray(0, 7), ...new Uint8Array(31), 5)
  for (const bytes of [
    new Uint8Array(0),
    new Uint8Array(2),
    good.subarray(0, 37),
    Uint8Array.of(...good, 0),
    Uint8Array.of(0x12, 31, ...new Uint8Array(31)),
    Uint8Array.of(0x13, 64, ...new Uint8Array(64)),
    Uint8Array.of(0x00, 32, ...new Uint8Array(32)),
    Uint8Array.of(0x00, 0x80, 0x80, 0x01),
    Uint8Array.of(0, 93, ...fromHex(specKeys.ECDSA.public).subarray(0, 93)),
    Uint8Array.of(0, 36, 8, 4, 18, 32, ...new Uint8Array(32)),
    notOnCurve
  ]) {
    expect(() => peerIdFromBytes(bytes)).toThrow(expect.objectContaining({ code: 'ERR_DECODE' }))
  }
})

test('ids and keys keep nothing of the message they came in', () => {
  // A Buffer, as sockets give: its slice() would be a view.
  const message = Buffer.from(parsePeerId(specPeerIds.ed25519).bytes)
  const id = peerIdFromBytes(message)
  const key = publicKeyFromProtobuf(message.subarray(2))
  message.fill(0)
  expect(id.toString()).toBe(specPeerIds.ed25519)
  expect(id.publicKey?.equals(key)).toBe(true)
  expect(key.protobuf.buffer.byteLength).toBe(36)
  expect([id.bytes, key.protobuf, key.raw].some((bytes) => Buffer.isBuffer(bytes))).toBe(false)
})

test('the same remote key is decoded once', () => {
  const bytes = fromHex(specKeys.RSA.public)
  expect(publicKeyFromProtobuf(bytes)).toBe(publicKeyFromProtobuf(bytes.slice()))
  const { publicKey } = parsePeerId(specPeerIds.ed25519)
  expect(parsePeerId(specPeerIds.ed25519).publicKey).toBe(publicKey)
})
