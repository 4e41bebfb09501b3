import { xsalsa20 as nobleXsalsa20 } from '@noble/ciphers/salsa.js'
import { expect, test } from 'vitest'
import { seededRandom, fuzzSeed as seed } from '@peerloom/conformance'
import { Salsa20 } from '../src/salsa20.ts'
import { xsalsa20 } from '../src/xsalsa20.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const keyStream = (cipher: Salsa20, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  cipher.apply(bytes)
  return bytes
}

test('Salsa20 gives the key streams of the eSTREAM vectors (256 bits, set 1, vector 0)', () => {
  const key = new Uint8Array(32)
  key[0] = 0x80
  const stream = keyStream(new Salsa20(key, new Uint8Array(8)), 512)
  expect(hex(stream.subarray(0, 64))).toBe(
    'e3be8fdd8beca2e3ea8ef9475b29a6e7003951e1097a5c38d23b7a5fad9f6844' +
      'b22c97559e2723c7cbbd3fe4fc8d9a0744652a83e72a9c461876af4d7ef1a117'
  )
  expect(hex(stream.subarray(192, 256))).toBe(
    '57be81f47b17d9ae7c4ff15429a73e10acf250ed3a90a93c711308a74c6216a9' +
      'ed84cd126da7f28e8abf8bb63517e1ca98e712f4fb2e1a6aed9fdc73291faa17'
  )
})

test('XSalsa20 gives the key stream of the NaCl vector', () => {
  const key = unhex('1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389')
  const nonce = unhex('69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37')
  expect(hex(keyStream(xsalsa20(key, nonce), 32))).toBe(
    'eea6a7251c1e72916d11c2cb214d3c252539121d8e234e652d651fa4c8cff880'
  )
})

test('pieces cut anywhere, laid anywhere, are what another implementation makes of the whole', () => {
  const random = seededRandom(seed)
  for (let round = 0; round < 300; round++) {
    const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, () => random(256))
    const [key, nonce, plain] = [bytesOf(32), bytesOf(24), bytesOf(random(3000))]
    const expected = nobleXsalsa20(key, nonce, plain)
    const cipher = xsalsa20(key, nonce)
    for (let at = 0; at < plain.length;) {
      const length = Math.min(plain.length - at, 1 + random(random(3) === 0 ? 2000 : 80))
      const room = new Uint8Array(length + 8).subarray(random(8)).subarray(0, length)
      room.set(plain.subarray(at, at + length))
      cipher.apply(room)
      expect(hex(room), `seed ${seed}, round ${round}, at ${at}`).toBe(hex(expected.subarray(at, at + length)))
      at += length
      expect(cipher.untilBlock % 64).toBe(-at & 63)
    }
  }
})

/** The specification in as few words as possible, with a counter of 64 bits. */
function reference(key: Uint8Array, nonce: Uint8Array, counter: bigint): Uint8Array {
  const start = new DataView(new ArrayBuffer(64))
  const bytes = new Uint8Array(start.buffer)
  const sigma = new TextEncoder().encode('expand 32-byte k')
  for (let at = 0; at < 4; at++) bytes.set(sigma.subarray(4 * at, 4 * at + 4), 20 * at)
  bytes.set(key.subarray(0, 16), 4)
  bytes.set(nonce, 24)
  start.setBigUint64(32, counter, true)
  bytes.set(key.subarray(16), 44)
  const x = Array.from({ length: 16 }, (_, at) => start.getUint32(4 * at, true))
  const turn = (a: number, b: number, c: number, by: number): void => {
    const sum = ((x[b] as number) + (x[c] as number)) >>> 0
    x[a] = ((x[a] as number) ^ ((sum << by) | (sum >>> (32 - by)))) >>> 0
  }
  const quarter = (a: number, b: number, c: number, d: number): void => {
    turn(b, a, d, 7)
    turn(c, b, a, 9)
    turn(d, c, b, 13)
    turn(a, d, c, 18)
  }
  for (let round = 0; round < 10; round++) {
    for (const [a, b, c, d] of [[0, 4, 8, 12], [5, 9, 13, 1], [10, 14, 2, 6], [15, 3, 7, 11]] as const) quarter(a, b, c, d) // prettier-ignore
    for (const [a, b, c, d] of [[0, 1, 2, 3], [5, 6, 7, 4], [10, 11, 8, 9], [15, 12, 13, 14]] as const) quarter(a, b, c, d) // prettier-ignore
  }
  for (let at = 0; at < 16; at++)
    start.setUint32(4 * at, ((x[at] as number) + start.getUint32(4 * at, true)) >>> 0, true)
  return bytes
}

test('the counter goes on behind 256 GiB', () => {
  const [key, nonce] = [new Uint8Array(32).fill(7), new Uint8Array(8).fill(9)]
  for (const counter of [0n, 0xffff_fffdn, 0x1_ffff_ffffn]) {
    const stream = keyStream(new Salsa20(key, nonce, counter), 6 * 64)
    for (let block = 0; block < 6; block++) {
      expect(hex(stream.subarray(64 * block, 64 * block + 64))).toBe(
        hex(reference(key, nonce, counter + BigInt(block)))
      )
    }
  }
})
