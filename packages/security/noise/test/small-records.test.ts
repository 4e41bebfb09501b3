import { until } from '@peerloom/conformance'
import { ChunkQueue } from '@peerloom/streams'
import { beforeAll, expect, test } from 'vitest'
import { crypto as browserCrypto } from '../src/crypto.browser.ts'
import { crypto } from '../src/crypto.ts'
import { RecordOpener } from '../src/record-opener.ts'
import { RecordSealer } from '../src/record-sealer.ts'
import { isSmall } from '../src/small-records.ts'

const key = Uint8Array.from({ length: 32 }, (_, at) => at * 7)

beforeAll(() => until('the cipher for small records is loaded', () => isSmall(1)))

function sealed(primitives: typeof crypto, sizes: readonly number[], pieceBytes: number): Buffer {
  const sealer = new RecordSealer(primitives.createCipher(key))
  const out: Uint8Array[] = []
  for (const size of sizes) {
    const queue = new ChunkQueue()
    for (let at = 0; at < size; at += pieceBytes) {
      queue.push(Uint8Array.from({ length: Math.min(pieceBytes, size - at) }, (_, index) => at + index))
    }
    sealer.seal(queue, size, (bytes) => out.push(bytes))
  }
  return Buffer.concat(out)
}

test('records around the bound are the same bytes, whichever cipher seals them', () => {
  const sizes = Array.from({ length: 300 }, (_, at) => at + 1)
  for (const pieceBytes of [1, 50, 1000]) {
    const wire = sealed(crypto, sizes, pieceBytes)
    expect(wire.equals(sealed(browserCrypto, sizes, pieceBytes))).toBe(true)
    for (const chunkBytes of [1, 7, wire.length]) {
      const opener = new RecordOpener(crypto.createCipher(key))
      let opened = 0
      for (let at = 0; at < wire.length; at += chunkBytes) {
        opener.push(wire.subarray(at, at + chunkBytes), (plain) => (opened += plain.length))
      }
      expect(opened).toBe(sizes.reduce((sum, size) => sum + size, 0))
    }
  }
})

test('no flipped bit of a small record passes', () => {
  const wire = sealed(crypto, [40], 40)
  // The length apart: another one only says where the record ends.
  for (let bit = 16; bit < wire.length * 8; bit++) {
    const forged = Buffer.from(wire)
    forged[bit >> 3] = (forged[bit >> 3] as number) ^ (1 << (bit & 7))
    const opener = new RecordOpener(crypto.createCipher(key))
    expect(() => opener.push(forged, () => expect.unreachable())).toThrow('not genuine')
  }
})
