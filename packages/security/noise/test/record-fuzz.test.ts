import { expect, test } from 'vitest'
import { seededRandom, fuzzSeed as seed } from '@peerloom/conformance'
import { ChunkQueue } from '@peerloom/streams'
import { crypto } from '../src/crypto.ts'
import { crypto as browserCrypto } from '../src/crypto.browser.ts'
import { maxPlainBytes } from '../src/record.ts'
import { RecordOpener } from '../src/record-opener.ts'
import { RecordSealer } from '../src/record-sealer.ts'

const key = new Uint8Array(32).fill(9)
const variants = [
  ['node:crypto', crypto],
  ['noble', browserCrypto]
] as const

const sizes = [1, 2, 15, 16, 17, 1000, 8190, 8191, 8192, 20_000, maxPlainBytes]

/** Records of random sizes, each of random pieces; as the buffers that leave, and the plain text in them. */
function sealed(primitives: typeof crypto, random: (below: number) => number, records: number): [Buffer, Buffer] {
  const sealer = new RecordSealer(primitives.createCipher(key))
  const plain: Uint8Array[] = []
  const out: Uint8Array[] = []
  for (let record = 0; record < records; record++) {
    const queue = new ChunkQueue()
    const size = sizes[random(sizes.length)] as number
    for (let left = size; left > 0;) {
      const piece = new Uint8Array(Math.min(left, sizes[random(sizes.length)] as number)).fill(random(256))
      plain.push(piece.slice())
      queue.push(piece)
      left -= piece.length
    }
    sealer.seal(queue, size, (bytes) => out.push(bytes))
    expect(queue.length).toBe(0)
  }
  return [Buffer.concat(plain), Buffer.concat(out)]
}

function feed(opener: RecordOpener, wire: Buffer, random: (below: number) => number, got: Uint8Array[]): void {
  const most =
    wire.length > 50_000 ? ([1460, 65_536, 1 << 20][random(3)] as number) : ([1, 3, 20, 1460][random(4)] as number)
  for (let at = 0; at < wire.length;) {
    const length = 1 + random(Math.min(most, wire.length - at))
    // In a buffer that is used again at once, as a socket may: what is kept must be a copy.
    const chunk = new Uint8Array(wire.subarray(at, at + length))
    opener.push(chunk, (bytes) => got.push(bytes.slice()))
    chunk.fill(0xee)
    at += length
  }
}

test.each(variants)('random records in random pieces open, with %s', (_name, primitives) => {
  const random = seededRandom(seed)
  for (let round = 0; round < 20; round++) {
    const [plain, wire] = sealed(primitives, random, 1 + random(6))
    const opener = new RecordOpener(primitives.createCipher(key))
    const got: Uint8Array[] = []
    feed(opener, wire, random, got)
    expect(opener.isBetweenRecords, `seed ${seed}`).toBe(true)
    expect(Buffer.concat(got).equals(plain), `seed ${seed}`).toBe(true)
  }
})

test.each(variants)('of a changed run of records, only what comes before the change is delivered, with %s', (_n, p) => {
  const random = seededRandom(seed)
  for (let round = 0; round < 40; round++) {
    const [plain, wire] = sealed(p, random, 1 + random(4))
    const at = random(wire.length)
    wire[at] = (wire[at] as number) ^ (1 << random(8))
    const got: Uint8Array[] = []
    const opener = new RecordOpener(p.createCipher(key))
    let failed: unknown
    try {
      feed(opener, wire, random, got)
    } catch (error) {
      failed = error
    }
    const whole = Buffer.concat(got)
    expect(whole.length, `seed ${seed}`).toBeLessThan(plain.length)
    expect(whole.equals(plain.subarray(0, whole.length)), `seed ${seed}`).toBe(true)
    // A length that was made larger waits for more.
    if (failed === undefined) expect(opener.isBetweenRecords, `seed ${seed}`).toBe(false)
    else expect(failed).toMatchObject({ code: 'ERR_SECURITY', remote: true })
  }
})

test('one variant opens what the other seals', () => {
  const random = seededRandom(seed)
  for (const [ours, theirs] of [
    [crypto, browserCrypto],
    [browserCrypto, crypto]
  ] as const) {
    const [plain, wire] = sealed(ours, random, 4)
    const got: Uint8Array[] = []
    feed(new RecordOpener(theirs.createCipher(key)), wire, random, got)
    expect(Buffer.concat(got).equals(plain), `seed ${seed}`).toBe(true)
  }
})

test('a record that comes byte by byte is not held in as many pieces', () => {
  const queue = new ChunkQueue()
  queue.push(new Uint8Array(maxPlainBytes).fill(5))
  const wire: number[] = []
  new RecordSealer(crypto.createCipher(key)).seal(queue, maxPlainBytes, (bytes) => wire.push(...bytes))
  const opener = new RecordOpener(crypto.createCipher(key))
  const pieces: number[] = []
  for (const byte of wire) opener.push(Uint8Array.of(byte), (bytes) => pieces.push(bytes.length))
  expect(pieces.reduce((sum, length) => sum + length)).toBe(maxPlainBytes)
  expect(pieces.length).toBeLessThanOrEqual(64)
})

test('a record that is announced and does not come takes no memory', () => {
  const before = process.memoryUsage().arrayBuffers
  const openers = Array.from({ length: 100 }, () => new RecordOpener(browserCrypto.createCipher(key)))
  for (const opener of openers) opener.push(Uint8Array.of(0xff, 0xff, 1), (plain) => plain.length)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * 1024)
  expect(openers.every((opener) => !opener.isBetweenRecords)).toBe(true)
})

test('small outputs leave together, large ones uncopied', () => {
  const seal = (...pieces: number[]): number[] => {
    const queue = new ChunkQueue()
    for (const length of pieces) queue.push(new Uint8Array(length))
    const out: number[] = []
    new RecordSealer(crypto.createCipher(key)).seal(queue, queue.length, (bytes) => out.push(bytes.length))
    return out
  }
  expect(seal(12, 100)).toEqual([2 + 112 + 16])
  expect(seal(12, 65_000)).toEqual([2 + 12, 65_000, 16])
  expect(seal(12, 30_000, 12, 30_000)).toEqual([2 + 12, 30_000, 12, 30_000, 16])
})
