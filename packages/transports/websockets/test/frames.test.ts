import { seededRandom } from '@peerloom/conformance'
import { expect, test } from 'vitest'
import { closePayload, controlFrame, headerBytes, opcodes, writeHeader } from '../src/frame.ts'
import { FrameReader } from '../src/frame-reader.ts'
import { applyMask, MaskKeys } from '../src/mask.ts'
import { frame, randomBytes } from './raw-client.ts'

/** What a reader made of bytes, in the pieces that `cut` makes of them. */
function read(bytes: Uint8Array, masked = true, cut: () => number = () => Infinity) {
  const seen = { payload: Buffer.alloc(0), pings: [] as string[], idle: 0, closed: undefined as number | undefined }
  const reader = new FrameReader(
    { masked, maxFrameBytes: 1_000_000 },
    {
      onPayload: (part) => ((seen.payload = Buffer.concat([seen.payload, part])), part.length),
      onPing: (payload) => seen.pings.push(Buffer.from(payload).toString()),
      onIdleFrame: () => seen.idle++,
      onCloseFrame: (code) => (seen.closed = code)
    }
  )
  const copy = Uint8Array.from(bytes)
  for (let at = 0; at < copy.length;) {
    const end = Math.min(copy.length, at + cut())
    reader.push(copy.subarray(at, end))
    at = end
  }
  return seen
}

test('the examples of RFC 6455, section 5.7', () => {
  const hello = (hex: string) =>
    read(Buffer.from(hex, 'hex').fill(0x82, 0, 1), hex.startsWith('8185')).payload.toString()
  expect(hello('810548656c6c6f')).toBe('Hello')
  expect(hello('818537fa213d7f9f4d5158')).toBe('Hello')
  expect(read(Buffer.from('020348656c80026c6f', 'hex'), false).payload.toString()).toBe('Hello')
  expect(read(Buffer.from('890548656c6c6f', 'hex'), false).pings).toEqual(['Hello'])
  expect(Buffer.from(controlFrame(opcodes.pong, Buffer.from('Hello'), 0x3d21fa37)).toString('hex')).toBe(
    '8a8537fa213d7f9f4d5158'
  )
})

test.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_001])('a payload of %i bytes comes out as it went in', (length) => {
  for (const key of [undefined, 0x3d21fa37, -1, 0]) {
    const payload = Uint8Array.from({ length }, (_, at) => at * 7)
    const start = headerBytes(length, key !== undefined)
    const bytes = new Uint8Array(start + length)
    writeHeader(bytes, 0, opcodes.binary, length, key)
    bytes.set(payload, start)
    if (key !== undefined) applyMask(bytes, start, bytes.length, key, 0)
    expect(read(bytes, key !== undefined).payload.equals(payload)).toBe(true)
  }
})

test('masking by words is masking by bytes, at every place and length', () => {
  const key = 0x89abcdef | 0
  const keyBytes = [0xef, 0xcd, 0xab, 0x89]
  for (let from = 0; from < 9; from++) {
    for (const length of [0, 1, 3, 47, 48, 49, 50, 51, 100, 101]) {
      for (let phase = 0; phase < 4; phase++) {
        const bytes = Uint8Array.from({ length: 128 }, (_, at) => at * 31)
        const expected = bytes.map((byte, at) =>
          at >= from && at < from + length ? byte ^ (keyBytes[(at - from + phase) & 3] as number) : byte
        )
        applyMask(bytes, from, from + length, key, phase)
        expect(bytes).toEqual(expected)
      }
    }
  }
})

test('keys come from the random source, each once', () => {
  let calls = 0
  const keys = new MaskKeys((length) => {
    const numbers = Uint32Array.from({ length: length / 4 }, (_, at) => calls * 1000 + at)
    calls++
    return new Uint8Array(numbers.buffer)
  })
  const taken = Array.from({ length: 600 }, () => keys.take())
  expect(new Set(taken).size).toBe(600)
  expect(taken[0]).toBe(0)
  expect(calls).toBe(3)
})

test('frames are read the same however they are cut, with control frames in between', () => {
  const random = seededRandom(6455)
  const big = Buffer.alloc(70_000, 'payload of a large frame ')
  const stream = Buffer.concat([
    frame(2, 'one '),
    frame(9, 'ping'),
    frame(2, 'two ', { flags: 0 }),
    frame(9, ''),
    frame(0, '', { flags: 0 }),
    frame(0, big),
    frame(10, 'unasked'),
    frame(2, Buffer.alloc(300, 'x')),
    frame(8, closePayload(1000)),
    frame(2, 'behind the end')
  ])
  const whole = read(stream)
  expect(whole.payload.toString()).toBe(`one two ${big.toString()}${'x'.repeat(300)}`)
  expect(whole).toMatchObject({ pings: ['ping', ''], closed: 1000, idle: 5 })
  expect(read(stream, true, () => 1)).toEqual(whole)
  for (let round = 0; round < 50; round++) expect(read(stream, true, () => 1 + random(2000))).toEqual(whole)
})

test.each([
  ['a text message', frame(1, 'hello'), 1003],
  ['a frame that is not masked', frame(2, 'hello', { masked: false }), 1002],
  ['a reserved bit', frame(2, 'hello', { flags: 0xc0 }), 1002],
  ['an unknown data opcode', frame(3), 1002],
  ['an unknown control opcode', frame(11), 1002],
  ['a fragmented ping', frame(9, '', { flags: 0 }), 1002],
  ['a ping of 126 bytes', frame(9, Buffer.alloc(126)), 1002],
  ['a continuation of nothing', frame(0), 1002],
  ['a message inside another', Buffer.concat([frame(2, 'a', { flags: 0 }), frame(2, 'b')]), 1002],
  ['a frame over the limit', frame(2, '', { claimedBytes: 1_000_001n }), 1009],
  ['a frame of 2^63 bytes', frame(2, '', { claimedBytes: 1n << 63n }), 1009],
  ['a length in more bytes than it needs', Buffer.from('82fe0005000000000000000000', 'hex'), 1002],
  ['a length in far more bytes than it needs', Buffer.from('82ff000000000000ffff00000000', 'hex'), 1002],
  ['a Close frame of one byte', frame(8, Uint8Array.of(3)), 1002],
  ['a Close frame with a code that never comes in one', frame(8, closePayload(1006)), 1002],
  ['a Close frame with a code of nobody', frame(8, closePayload(2000)), 1002]
])('%s is refused, at its header where it can be', (_, bytes, closeCode) => {
  expect(() => read(bytes)).toThrow(expect.objectContaining({ closeCode, remote: true }))
  expect(() => read(bytes, true, () => 1)).toThrow(expect.objectContaining({ closeCode }))
})

test('a masked frame of a server is refused', () => {
  expect(() => read(frame(2, 'hello'), false)).toThrow(expect.objectContaining({ closeCode: 1002 }))
})

test('100,000 random streams are read or refused, and nothing else', () => {
  const random = seededRandom(7)
  for (let round = 0; round < 100_000; round++) {
    const bytes = randomBytes(random, random(40))
    // Most start like a frame, or none would get beyond its first byte.
    if (round % 4 > 0 && bytes.length > 1) {
      bytes[0] = [0x82, 0x02, 0x80, 0x89, 0x8a, 0x88][round % 6] as number
      bytes[1] = (bytes[1] as number) | 0x80
    }
    try {
      read(bytes, true, () => 1 + random(10))
    } catch (error) {
      expect(error).toMatchObject({ remote: true })
    }
  }
})
