import { seededRandom, fuzzInputs as runs, fuzzSeed as seed } from '@peerloom/conformance'
import { expect, test } from 'vitest'
import { destinationOf, packetsOf, readLongHeader, readVarint } from '../src/quiche/packet.ts'
import { RetryTokens } from '../src/quiche/retry-token.ts'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

// RFC 9000, appendix A.1.
test.each([
  ['c2197c5eff14e88c', Number('151288809941952652')],
  ['9d7f3e7d', 494_878_333],
  ['7bbd', 15_293],
  ['25', 37],
  ['4025', 37]
])('variable-length integer %s', (bytes, value) => {
  expect(readVarint(hex(bytes), 0)).toEqual([value, bytes.length / 2])
  expect(readVarint(hex(bytes).subarray(0, -1), 0)[0]).toBeUndefined()
})

// RFC 9001, appendix A.2: the client's first header.
const initial = hex('c3 00000001 08 8394c8f03e515708 00 00 449e 7b9aec34')

test('the header of an Initial tells its ids and token', () => {
  expect(readLongHeader(initial)).toMatchObject({ version: 1, isInitial: true, dcid: hex('8394c8f03e515708') })
  expect(readLongHeader(initial)?.token).toHaveLength(0)
  expect(destinationOf(initial)).toEqual(hex('8394c8f03e515708'))
})

test('a header that is cut off, has ids too long or a token beyond its end is none', () => {
  for (let length = 0; length < 16; length++) expect(readLongHeader(initial.subarray(0, length))).toBeUndefined()
  expect(readLongHeader(hex('c3 00000001 15'.padEnd(80, '0')))).toBeUndefined()
  expect(readLongHeader(hex('c3 00000001 00 00 7fff 00'))).toBeUndefined()
})

test('the packets of a datagram are told apart by their lengths, up to the one that has none', () => {
  const first = hex('c3 00000001 08 8394c8f03e515708 00 01 aa 04 00112233')
  const handshake = hex('e3 00000001 08 8394c8f03e515708 02 beef 4005 0011223344')
  const short = hex('43 8394c8f03e515708 0011223344')
  const datagram = Buffer.concat([first, handshake, short])
  expect(packetsOf(datagram).map((packet) => packet.length)).toEqual([first, handshake, short].map((one) => one.length))
  // What follows a length beyond the end, Retry, another version or a fourth packet is not looked into.
  expect(packetsOf(hex('e3 00000001 00 00 4fff 001122'))).toHaveLength(1)
  expect(packetsOf(Buffer.concat([hex('f3 00000001 00 00 01'), short]))).toHaveLength(1)
  expect(packetsOf(Buffer.concat([hex('e3 0a0a0a0a 00 00 01 00'), short]))).toHaveLength(1)
  expect(packetsOf(Buffer.concat(Array.from({ length: 9 }, () => hex('e3 00000001 00 00 01 00'))))).toHaveLength(5)
})

test(`${runs} packets of noise are read or are none`, () => {
  const below = seededRandom(seed)
  for (let run = 0; run < runs; run++) {
    const packet = Uint8Array.from({ length: below(60) }, () => below(256))
    const header = readLongHeader(packet)
    if (header !== undefined && header.dcid.length > 20) throw new Error(`seed ${seed}`)
    destinationOf(packet)
  }
})

const from = { host: '192.0.2.1', port: 4001 }
const [odcid, scid] = [hex('8394c8f03e515708'), hex('00112233445566778899aabbccddeeff')]

test('a token gives back what it was made of, to the same remote, for ten seconds', () => {
  const tokens = new RetryTokens()
  const token = tokens.create(odcid, scid, from, 1000)
  expect(tokens.open(token, scid, from, 11_000)).toEqual(odcid)
  expect(tokens.open(token, scid, from, 11_001)).toBeUndefined()
  expect(tokens.open(token, scid, from, 999)).toBeUndefined()
})

test('a token of another address, port, id or key, or with a bit turned, is none', () => {
  const tokens = new RetryTokens()
  const token = tokens.create(odcid, scid, from, 1000)
  expect(tokens.open(token, scid, { ...from, host: '192.0.2.2' }, 1000)).toBeUndefined()
  expect(tokens.open(token, scid, { ...from, port: 4002 }, 1000)).toBeUndefined()
  expect(tokens.open(token, odcid, from, 1000)).toBeUndefined()
  expect(new RetryTokens().open(token, scid, from, 1000)).toBeUndefined()
  for (let at = 0; at < token.length; at++) {
    const turned = token.slice()
    turned[at] = (turned[at] as number) ^ 1
    expect(tokens.open(turned, scid, from, 1000)).toBeUndefined()
  }
  expect(tokens.open(new Uint8Array(10), scid, from, 1000)).toBeUndefined()
  expect(tokens.open(new Uint8Array(100), scid, from, 1000)).toBeUndefined()
})
