import { expect, test } from 'vitest'
import { privateKeyFromProtobuf, privateKeyFromRaw, publicKeyFromProtobuf, publicKeyFromRaw } from '@peerloom/identity'
import type { KeyType } from '@peerloom/interface'
import { specKeys } from './fixtures/peer-ids-spec.ts'
import { fromHex } from './hex.ts'

const publicRaw = (type: KeyType): Uint8Array => publicKeyFromProtobuf(fromHex(specKeys[type].public)).raw

const codeOf = (work: () => unknown): string => {
  try {
    work()
    return 'taken'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}
const rawCode = (type: KeyType, raw: Uint8Array): string => codeOf(() => publicKeyFromRaw(type, raw))

const length = (value: number): number[] =>
  value < 0x80 ? [value] : value < 0x100 ? [0x81, value] : [0x82, value >> 8, value & 0xff]
const der = (tag: number, ...contents: number[]): number[] => [tag, ...length(contents.length), ...contents]
const rsaId = der(0x30, 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 0x05, 0)
/** A PKIX key with this modulus and exponent, both written as they are. */
const rsaKey = (modulus: readonly number[], exponent: readonly number[] = [1, 0, 1], id = rsaId): Uint8Array =>
  Uint8Array.from(der(0x30, ...id, ...der(0x03, 0, ...der(0x30, ...der(2, ...modulus), ...der(2, ...exponent)))))
const modulusOf = (bytes: number, first = 0xff): number[] => [
  0,
  first,
  ...Array.from({ length: bytes - 1 }, () => 0xff)
]

test('a key protobuf has one form', () => {
  const good = fromHex(specKeys.Ed25519.public)
  const data = [...good.subarray(4)]
  expect(codeOf(() => publicKeyFromProtobuf(Uint8Array.of(8, 1, 0x12, 32, ...data)))).toBe('taken')
  const malformed = {
    empty: [],
    'type only': [8, 1],
    'data before type': [0x12, 32, ...data, 8, 1],
    'type in two bytes': [8, 0x81, 0, 0x12, 32, ...data],
    'length in two bytes': [8, 1, 0x12, 0xa0, 0, ...data],
    'length over the end': [8, 1, 0x12, 33, ...data],
    'bytes behind the data': [8, 1, 0x12, 32, ...data, 0],
    'a third field': [8, 1, 0x12, 32, ...data, 0x18, 1],
    'huge length': [8, 1, 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
    'endless varint': [8, ...Array.from({ length: 20 }, () => 0xff)],
    'short key': [8, 1, 0x12, 31, ...data.slice(1)]
  }
  for (const [what, bytes] of Object.entries(malformed)) {
    expect([what, codeOf(() => publicKeyFromProtobuf(Uint8Array.from(bytes)))]).toEqual([what, 'ERR_INVALID_KEY'])
  }
  expect(codeOf(() => publicKeyFromProtobuf(Uint8Array.of(8, 4, 0x12, 32, ...data)))).toBe('ERR_UNSUPPORTED_KEY')
  expect(codeOf(() => publicKeyFromRaw('DSA' as KeyType, good))).toBe('ERR_UNSUPPORTED_KEY')
  expect(codeOf(() => publicKeyFromProtobuf(new Uint8Array(100_000)))).toBe('ERR_INVALID_KEY')
})

test('lengths in DER are compared with the bytes that are left before they are used', () => {
  const started = performance.now()
  for (const type of ['RSA', 'ECDSA'] as const) {
    for (const huge of [
      [0x84, 0x7f, 0xff, 0xff, 0xff],
      [0x84, 0xff, 0xff, 0xff, 0xff],
      [0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [0xff],
      [0x80],
      [0x82, 0xff, 0xff],
      [0x81, 0x01],
      [0x82, 0x00, 0x80]
    ]) {
      expect(rawCode(type, Uint8Array.of(0x30, ...huge))).toBe('ERR_INVALID_KEY')
      expect(rawCode(type, Uint8Array.of(0x30, ...huge, 0x02, ...huge, 1))).toBe('ERR_INVALID_KEY')
      expect(rawCode(type, Uint8Array.from(der(0x30, ...der(0x30, 0x06, ...huge, 1))))).toBe('ERR_INVALID_KEY')
    }
    expect(rawCode(type, new Uint8Array(0))).toBe('ERR_INVALID_KEY')
  }
  expect(performance.now() - started).toBeLessThan(500)
})

test('an RSA key has 2048 to 8192 bits and an exponent that is odd and small', () => {
  expect(rawCode('RSA', rsaKey(modulusOf(256)))).toBe('taken')
  expect(rawCode('RSA', rsaKey(modulusOf(1024)))).toBe('taken')
  expect(rawCode('RSA', rsaKey(modulusOf(128)))).toBe('ERR_UNSUPPORTED_KEY')
  expect(rawCode('RSA', rsaKey([0x7f, ...modulusOf(256).slice(2)]))).toBe('ERR_UNSUPPORTED_KEY')
  expect(rawCode('RSA', rsaKey([0x01, ...modulusOf(1024).slice(1)]))).toBe('ERR_UNSUPPORTED_KEY')
  expect(rawCode('RSA', rsaKey(modulusOf(2000)))).toBe('ERR_UNSUPPORTED_KEY')
  expect(rawCode('RSA', rsaKey([...modulusOf(255), 0xfe]))).toBe('ERR_INVALID_KEY')
  expect(rawCode('RSA', rsaKey(modulusOf(256), [3]))).toBe('taken')
  for (const exponent of [[0], [1], [2], [1, 0, 0]]) {
    expect(rawCode('RSA', rsaKey(modulusOf(256), exponent))).toBe('ERR_INVALID_KEY')
  }
  for (const exponent of [[0, 0x80, 0, 0, 1], [1, 0, 0, 0, 1], modulusOf(256)]) {
    expect(rawCode('RSA', rsaKey(modulusOf(256), exponent))).toBe('ERR_UNSUPPORTED_KEY')
  }
})

test('RSA keys that are not in strict DER are refused', () => {
  expect(rawCode('RSA', rsaKey([0, ...modulusOf(256)]))).toBe('ERR_INVALID_KEY')
  expect(rawCode('RSA', rsaKey(modulusOf(256).slice(1)))).toBe('ERR_INVALID_KEY')
  expect(rawCode('RSA', rsaKey([]))).toBe('ERR_INVALID_KEY')
  expect(rawCode('RSA', rsaKey(modulusOf(256), [0, 1, 0, 1]))).toBe('ERR_INVALID_KEY')
  expect(rawCode('RSA', Uint8Array.of(...rsaKey(modulusOf(256)), 0))).toBe('ERR_INVALID_KEY')
  const noNull = der(0x30, 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1)
  expect(rawCode('RSA', rsaKey(modulusOf(256), [1, 0, 1], noNull))).toBe('ERR_INVALID_KEY')
  const pss = der(0x30, 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10, 0x05, 0)
  expect(rawCode('RSA', rsaKey(modulusOf(256), [1, 0, 1], pss))).toBe('ERR_INVALID_KEY')
  expect(rawCode('RSA', publicRaw('ECDSA'))).toBe('ERR_INVALID_KEY')
  expect(rawCode('ECDSA', publicRaw('RSA'))).toBe('ERR_INVALID_KEY')
})

test('points that are not on their curve, and other curves, are refused', () => {
  const ecdsa = publicRaw('ECDSA')
  const offCurve = ecdsa.slice()
  offCurve[90] = (offCurve[90] as number) ^ 1
  expect(rawCode('ECDSA', offCurve)).toBe('ERR_INVALID_KEY')
  const otherCurve = ecdsa.slice()
  otherCurve[22] = 6
  expect(rawCode('ECDSA', otherCurve)).toBe('ERR_UNSUPPORTED_KEY')

  const secp256k1 = publicRaw('secp256k1')
  const beyondField = Uint8Array.of(2, ...Array.from({ length: 32 }, () => 0xff))
  for (const bytes of [secp256k1.subarray(1), Uint8Array.of(4, ...secp256k1.subarray(1)), beyondField]) {
    expect(rawCode('secp256k1', bytes)).toBe('ERR_INVALID_KEY')
  }
  // x = 5 has no y on secp256k1.
  expect(rawCode('secp256k1', Uint8Array.of(2, ...new Uint8Array(31), 5))).toBe('ERR_INVALID_KEY')
})

test('private keys out of range are refused', async () => {
  const order = fromHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141')
  for (const raw of [new Uint8Array(32), order, order.subarray(1), new Uint8Array(0)]) {
    await expect(privateKeyFromRaw('secp256k1', raw)).rejects.toMatchObject({ code: 'ERR_INVALID_KEY' })
  }
  const sec1 = fromHex(specKeys.ECDSA.private).slice(4)
  sec1.fill(0, 7, 39)
  await expect(privateKeyFromRaw('ECDSA', sec1)).rejects.toMatchObject({ code: 'ERR_INVALID_KEY' })
  const rsa = fromHex(specKeys.RSA.private)
  for (const index of [700, 1100, 1500, 2000, 2300]) {
    const tampered = rsa.slice()
    tampered[index] = (tampered[index] as number) ^ 1
    await expect(privateKeyFromProtobuf(tampered)).rejects.toMatchObject({ code: 'ERR_INVALID_KEY' })
  }
  await expect(privateKeyFromProtobuf(fromHex(specKeys.RSA.public))).rejects.toMatchObject({ code: 'ERR_INVALID_KEY' })
})
