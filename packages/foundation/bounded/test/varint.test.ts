import { expect, test } from 'vitest'
import { encodeVarint, readVarint, varintLength, writeVarint } from '@peerloom/bounded'

const values = [
  0, 1, 0x7f, 0x80, 300, 0x3fff, 0x4000, 0x1fffff, 0x200000, 0xfffffff, 0x10000000, 0x7fffffff, 0x80000000
]
const large = [0xffffffff, 2 ** 32, 2 ** 35 - 1, 2 ** 35, 2 ** 42, 2 ** 49 - 1, 2 ** 49, Number.MAX_SAFE_INTEGER]

test('a varint survives writing and reading, and says its length', () => {
  for (const value of [...values, ...large]) {
    const bytes = encodeVarint(value)
    expect(bytes.length).toBe(varintLength(value))
    expect(readVarint(bytes, 0)).toBe(value)
    let rest = BigInt(value)
    const expected = []
    for (; rest >= 128n; rest >>= 7n) expected.push(Number(rest & 127n) | 128)
    expect([...bytes]).toEqual([...expected, Number(rest)])
  }
})

test('a varint is written and read at an offset', () => {
  const target = new Uint8Array(6).fill(0xff)
  expect(writeVarint(target, 2, 300)).toBe(4)
  expect([...target]).toEqual([0xff, 0xff, 0xac, 0x02, 0xff, 0xff])
  expect(readVarint(target, 2)).toBe(300)
})

test('a varint that has not all arrived reads as -1', () => {
  expect(readVarint(new Uint8Array(0), 0)).toBe(-1)
  expect(readVarint(Uint8Array.of(0x80), 0)).toBe(-1)
  expect(readVarint(Uint8Array.of(1), 1)).toBe(-1)
})

test('a varint that is too large or longer than needed throws ERR_DECODE', () => {
  const tooLarge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]
  const tooLong = Array.from({ length: 9 }, () => 0x80)
  for (const bytes of [tooLarge, tooLong, [0x80, 0], [0xff, 0x80, 0]]) {
    expect(() => readVarint(Uint8Array.from(bytes), 0)).toThrow(expect.objectContaining({ code: 'ERR_DECODE' }))
  }
})

test('a value that no varint of ours can hold throws at once', () => {
  for (const value of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    expect(() => encodeVarint(value)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }))
    expect(() => writeVarint(new Uint8Array(8), 0, value)).toThrow('varint')
  }
})
