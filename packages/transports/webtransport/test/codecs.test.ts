import { seededRandom, fuzzInputs as runs, fuzzSeed as seed } from '@peerloom/conformance'
import { expect, test } from 'vitest'
import { capsuleReader, closeCapsule } from '../src/capsules.ts'
import { frame, FrameReader } from '../src/frame-reader.ts'
import { frameType, setting } from '../src/h3-constants.ts'
import { decodeHuffman } from '../src/huffman.ts'
import { decodeFields, encodeField, encodeStatus } from '../src/qpack.ts'
import { ownSettings, readSettings } from '../src/settings.ts'
import { concat, varint } from '../src/varint.ts'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

// RFC 7541, appendix C.4 and C.6.
test.each([
  ['f1e3 c2e5 f23a 6ba0 ab90 f4ff', 'www.example.com'],
  ['a8eb 1064 9cbf', 'no-cache'],
  ['25a8 49e9 5ba9 7d7f', 'custom-key'],
  ['25a8 49e9 5bb8 e8b4 bf', 'custom-value'],
  ['d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff', 'Mon, 21 Oct 2013 20:13:21 GMT'],
  ['9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3', 'https://www.example.com']
])('Huffman code %s is %s', (encoded, plain) => {
  expect(text(decodeHuffman(hex(encoded), 100))).toBe(plain)
})

test.each([
  ['padding of a whole byte', 'ffff'],
  ['padding with a zero', '00f8'],
  ['the code that ends strings', 'ffff ffff']
])('Huffman code with %s is refused', (_what, encoded) => {
  expect(() => decodeHuffman(hex(encoded), 100)).toThrow(/Huffman/)
})

test('Huffman code decodes into no more than was asked for', () => {
  expect(() => decodeHuffman(new Uint8Array(100), 10)).toThrow(/too long/)
})

test('fields from the static table, with names from it, and written out', () => {
  const section = concat(
    hex('0000 cf d7'), // :method CONNECT, :scheme https
    hex('51 0a 2f 69 6e 64 65 78 2e 68 74 6d'.replace('0a', '0a')), // RFC 9204, B.1: a literal :path
    encodeField(':protocol', 'webtransport'),
    encodeField('x', '1')
  )
  expect(Object.fromEntries(decodeFields(section))).toEqual({
    ':method': 'CONNECT',
    ':scheme': 'https',
    ':path': '/index.htm',
    ':protocol': 'webtransport',
    x: '1'
  })
})

test.each([
  ['a dynamic table', '0100'],
  ['an entry of a dynamic table', '0000 80'],
  ['an entry that does not exist', '0000 ff 24'],
  ['a string longer than the section', '0000 21 61 7e 00'],
  ['a string beyond reason', '0000 21 61 7f ff ff 7f'],
  ['an endless integer', '0000 ff ff ff ff ff ff ff ff']
])('fields with %s are refused', (_what, section) => {
  expect(() => decodeFields(hex(section))).toThrow(/QPACK/)
})

test('more fields than reason are refused', () => {
  expect(() => decodeFields(concat(hex('0000'), new Uint8Array(65).fill(0xd7)))).toThrow(/too many/)
})

test.each([200, 400, 404, 429] as const)('status %d is a section of its own', (status) => {
  expect(encodeStatus(status).length).toBeLessThan(10)
  expect(() => decodeFields(encodeStatus(status))).not.toThrow()
})

test('frames come whole, however they were cut, and unknown ones of any size are skipped', () => {
  const grease = concat(hex('ffff ffff ffff ffff'), varint(5), new Uint8Array(5))
  const whole = concat(frame(1, hex('0102')), grease, frame(0x21, new Uint8Array(70_000)), frame(0, hex('03')))
  for (let size = 1; size < 40; size++) {
    const seen: [number, string][] = []
    const reader = new FrameReader([0, 1], 100, (type, payload) =>
      seen.push([type, Buffer.from(payload).toString('hex')])
    )
    for (let at = 0; at < whole.length; at += size) reader.push(whole.subarray(at, at + size))
    expect(seen).toEqual([
      [1, '0102'],
      [0, '03']
    ])
  }
})

test('a frame over the bound is refused before it has come', () => {
  const reader = new FrameReader([1], 100, () => {})
  expect(() => reader.push(concat(varint(1), varint(101)))).toThrow(/a frame of 101 bytes/)
})

test('settings are read as they were written', () => {
  let settings: Map<number, number> | undefined
  new FrameReader([frameType.settings], 1000, (_type, payload) => (settings = readSettings(payload))).push(
    ownSettings()
  )
  expect(settings?.get(setting.enableWebTransportDraft02)).toBe(1)
  expect(settings?.get(setting.h3Datagram)).toBe(1)
  expect(settings?.get(setting.qpackMaxTableCapacity)).toBe(0)
})

test.each([
  ['cut off', '01'],
  ['the same twice', '0100 0100']
])('settings that are %s are refused', (_what, payload) => {
  expect(() => readSettings(hex(payload))).toThrow(/settings/)
})

test('a good-bye is read among capsules that nobody knows', () => {
  let code = -1
  const reader = capsuleReader((told) => (code = told))
  reader.push(concat(frame(0x1234, new Uint8Array(50_000)), closeCapsule(42)))
  expect(code).toBe(42)
  expect(() => reader.push(frame(0x2843, new Uint8Array(2)))).toThrow(/without a code/)
  expect(() => reader.push(concat(varint(0x2843), varint(4 + 1025)))).toThrow(/a frame of/)
})

test(`${runs} inputs of noise decode or fail in a typed way`, () => {
  const below = seededRandom(seed)
  const section = concat(hex('0000 cf d7'), encodeField(':protocol', 'webtransport'), encodeField(':path', '/x'))
  const expectTyped = (decode: () => unknown): void => {
    try {
      decode()
    } catch (error) {
      if ((error as { code?: string }).code === undefined) throw new Error(`seed ${seed}`, { cause: error })
    }
  }
  for (let run = 0; run < runs; run++) {
    const noise = Uint8Array.from({ length: below(200) }, () => below(256))
    const mutated = section.slice()
    mutated[below(mutated.length)] = below(256)
    for (const input of [noise, mutated]) {
      expectTyped(() => decodeFields(input))
      expectTyped(() => decodeHuffman(input, 1000))
      expectTyped(() => readSettings(input))
      expectTyped(() => new FrameReader([0, 1, 4], 1000, () => {}).push(input))
      expectTyped(() => capsuleReader(() => {}).push(input))
    }
  }
})
