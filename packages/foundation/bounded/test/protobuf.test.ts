import { expect, test } from 'vitest'
import { lengthPrefix, ProtobufReader, ProtobufWriter } from '@peerloom/bounded'
import type { DecodeLimits } from '@peerloom/bounded'

/** The first field, already moved to. */
const at = (...bytes: number[]): ProtobufReader => {
  const reader = new ProtobufReader(Uint8Array.from(bytes))
  reader.next()
  return reader
}
const decodeError = expect.objectContaining({ code: 'ERR_DECODE', remote: true })

/** Counts the fields of a message and of those directly inside it. */
const read = (bytes: Uint8Array, limits?: DecodeLimits): number => {
  const reader = new ProtobufReader(bytes, limits)
  let count = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    count++
    const nested = reader.message()
    while (nested.next() !== 0) {
      count++
      nested.skip()
    }
  }
  return count
}

/** How many messages lie in one another. */
const descend = (bytes: Uint8Array): number => {
  let reader = new ProtobufReader(bytes)
  let depth = 0
  for (; reader.next() !== 0; depth++) reader = reader.message()
  return depth
}

test('every kind of field survives writing and reading', () => {
  const inner = new ProtobufWriter().string(1, 'größe').finish()
  const bytes = new ProtobufWriter()
    .bytes(1, Uint8Array.of(1, 2, 3))
    .string(2, 'text')
    .uint64(3, 2 ** 53 - 1)
    .uint64(4, 2n ** 64n - 1n)
    .bool(5, true)
    .fixed64(6, 0x0123456789abcdefn)
    .bytes(7, inner)
    .uint64(1000, 0)
    .bytes(536_870_911, new Uint8Array(500))
    .finish()
  const reader = new ProtobufReader(bytes)
  expect([reader.next(), [...reader.bytes()]]).toEqual([1, [1, 2, 3]])
  expect([reader.next(), reader.string()]).toEqual([2, 'text'])
  expect([reader.next(), reader.uint64()]).toEqual([3, 2n ** 53n - 1n])
  expect([reader.next(), reader.uint64()]).toEqual([4, 2n ** 64n - 1n])
  expect([reader.next(), reader.bool()]).toEqual([5, true])
  expect([reader.next(), reader.fixed64()]).toEqual([6, 0x0123456789abcdefn])
  reader.next()
  const nested = reader.message()
  expect([nested.next(), nested.string(), nested.next()]).toEqual([1, 'größe', 0])
  expect([reader.next(), reader.uint32()]).toEqual([1000, 0])
  expect([reader.next(), reader.bytes().length]).toEqual([536_870_911, 500])
  expect([reader.next(), reader.next()]).toEqual([0, 0])
})

test('the bytes are those of the protobuf specification', () => {
  const message = new ProtobufWriter().uint64(1, 150).string(2, 'testing').finish()
  expect([...message]).toEqual([0x08, 0x96, 0x01, 0x12, 7, ...new TextEncoder().encode('testing')])
  expect([...lengthPrefix(message)]).toEqual([message.length, ...message])
})

test('unknown fields of every wire type are skipped', () => {
  const reader = new ProtobufReader(
    Uint8Array.of(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0x11, 1, 2, 3, 4, 5, 6, 7, 8).subarray(
      0
    )
  )
  expect(reader.next()).toBe(1)
  reader.skip()
  expect(reader.next()).toBe(2)
  reader.skip()
  expect(reader.next()).toBe(0)
  const more = new ProtobufReader(Uint8Array.of(0x1a, 2, 9, 9, 0x25, 1, 2, 3, 4))
  expect(more.next()).toBe(3)
  more.skip()
  expect(more.next()).toBe(4)
  more.skip()
  expect(more.next()).toBe(0)
})

test('malformed fields throw ERR_DECODE', () => {
  expect(() => at(0x00)).toThrow(decodeError)
  expect(() => at(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f)).toThrow(decodeError)
  expect(() => at(0x0a).bytes()).toThrow(decodeError)
  expect(() => at(0x0a, 5, 1).bytes()).toThrow(decodeError)
  expect(() => at(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f).bytes()).toThrow(decodeError)
  expect(() => at(0x0a, 2, 0xc3, 0x28).string()).toThrow(decodeError)
  expect(() => at(0x08, 1).bytes()).toThrow(decodeError)
  expect(() => at(0x0a, 1, 1).uint64()).toThrow(decodeError)
  expect(() => at(0x08, 0x80).uint64()).toThrow(decodeError)
  expect(() => at(0x08).uint64()).toThrow(decodeError)
  expect(() => at(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02).uint64()).toThrow(decodeError)
  expect(() => at(0x08, 0xff, 0xff, 0xff, 0xff, 0x10).uint32()).toThrow(decodeError)
  expect(() => at(0x09, 1, 2, 3).fixed64()).toThrow(decodeError)
  expect(() => at(0x09, 1, 2, 3).skip()).toThrow(decodeError)
  expect(() => at(0x0b).skip()).toThrow(decodeError)
  expect(() => at(0x08, ...Array.from({ length: 11 }, () => 0x80)).skip()).toThrow(decodeError)
})

test('a message has no more fields than allowed, those inside it counted', () => {
  const group = new ProtobufWriter().bool(1, true).bool(1, true).bool(1, true).finish()
  const bytes = new ProtobufWriter().bytes(1, group).bytes(1, group).finish()
  expect(read(bytes, { maxFields: 8 })).toBe(8)
  expect(() => read(bytes, { maxFields: 7 })).toThrow(decodeError)
  const many = Uint8Array.from({ length: 2 * 4097 }, (_, index) => (index % 2 === 0 ? 0x0a : 0))
  expect(read(many.subarray(2))).toBe(4096)
  expect(() => read(many)).toThrow(decodeError)
})

test('messages nest no deeper than allowed', () => {
  const nest = (levels: number): Uint8Array =>
    levels === 0 ? new Uint8Array(0) : new ProtobufWriter().bytes(1, nest(levels - 1)).finish()
  expect(descend(nest(8))).toBe(8)
  expect(() => descend(nest(9))).toThrow(decodeError)
})

test('a writer refuses numbers that do not fit', () => {
  for (const value of [-1, Number.NaN, 2 ** 53, -1n, 2n ** 64n]) {
    expect(() => new ProtobufWriter().uint64(1, value)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' })
    )
  }
})
