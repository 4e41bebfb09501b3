import { seededRandom } from '@peerloom/conformance'
import { isPeerloomError } from '@peerloom/interface'
import { describe, expect, test } from 'vitest'
import { decodeMessage } from '../src/decode.ts'
import { type DnsMessage, recordTypes } from '../src/dns-message.ts'
import { encodeMessage } from '../src/encode.ts'

const utf8 = new TextEncoder()
const service = '_p2p._udp.local'
const name = `some-peer.${service}`
const host = 'some-peer.p2p.local'
const announcement: DnsMessage = {
  response: true,
  answers: [{ type: 'PTR', name: service, ttlSeconds: 120, target: name }],
  additionals: [
    { type: 'TXT', name, ttlSeconds: 120, strings: [utf8.encode('dnsaddr=/ip4/10.0.0.1'), utf8.encode('other=1')] },
    { type: 'SRV', name, ttlSeconds: 120, port: 4001, target: host },
    { type: 'A', name: host, ttlSeconds: 120, ip: Uint8Array.of(10, 0, 0, 1) },
    { type: 'AAAA', name: host, ttlSeconds: 120, ip: new Uint8Array(16).fill(0xfd) }
  ]
}
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytesOf = (...parts: (number[] | string)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...utf8.encode(part)] : part)))
/** A response with as many questions, answers, authorities and additionals as said, and what follows the header. */
const message = (counts: readonly [number, number, number, number], ...parts: (number[] | string)[]): Uint8Array =>
  bytesOf([0, 0, 0x84, 0, ...counts.flatMap((count) => [count >> 8, count & 0xff])], ...parts)
/** Type PTR or TXT, class IN, a TTL of 120 s, and the length of the data. */
const head = (type: number, length: number): number[] => [0, type, 0, 1, 0, 0, 0, 120, length >> 8, length & 0xff]

const refused = (bytes: Uint8Array): void => {
  expect(() => decodeMessage(bytes)).toThrow(expect.objectContaining({ code: 'ERR_DECODE', remote: true }))
}

describe('encoding', () => {
  test('a question is what everybody sends', () => {
    const bytes = encodeMessage({ response: false, questions: [{ name: service, type: recordTypes.PTR }] })
    expect(hex(bytes)).toBe('000000000001000000000000045f703270045f756470056c6f63616c00000c0001')
  })

  test('an announcement comes back as it was', () => {
    const decoded = decodeMessage(encodeMessage(announcement))
    expect(decoded).toEqual({
      response: true,
      questions: [],
      pointers: announcement.answers,
      texts: announcement.additionals?.slice(0, 1)
    })
  })

  test('names are written once and then pointed at', () => {
    const text = new TextDecoder('latin1').decode(encodeMessage(announcement))
    expect(text.match(/_p2p/g)).toHaveLength(1)
    expect(text.match(/local/g)).toHaveLength(1)
    expect(text.match(/some-peer/g)).toHaveLength(2)
  })

  test('what only one peer has flushes caches, what all share does not', () => {
    const bytes = encodeMessage({
      response: true,
      answers: [
        { type: 'PTR', name: 'a', ttlSeconds: 1, target: 'b' },
        { type: 'TXT', name: 'b', ttlSeconds: 1, strings: [] }
      ]
    })
    expect(hex(bytes.subarray(12))).toBe(
      '016100' + '000c0001' + '00000001' + '0003' + '016200' + 'c019' + '00108001' + '00000001' + '000100'
    )
  })

  test.each([
    ['an empty label', 'a..b'],
    ['a long label', `${'a'.repeat(64)}.local`]
  ])('a name with %s is refused', (_, bad) => {
    expect(() => encodeMessage({ response: false, questions: [{ name: bad, type: 12 }] })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' })
    )
  })

  test('a string that TXT cannot take is refused', () => {
    const strings = [new Uint8Array(256)]
    expect(() => encodeMessage({ response: true, answers: [{ type: 'TXT', name, ttlSeconds: 1, strings }] })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' })
    )
  })
})

describe('decoding', () => {
  test('names do not tell cases apart, and a dot inside of a label is none between two', () => {
    const bytes = message([1, 0, 0, 0], [7], 'A.b\\c-D', [5], 'LOCAL', [0, 0, 12, 0, 1])
    expect(decodeMessage(bytes).questions).toEqual([{ name: 'a\\.b\\\\c-d.local', type: 12 }])
  })

  test('questions that would like an answer by unicast, or of any class, are questions', () => {
    for (const cls of [
      [0x80, 1],
      [0, 255],
      [0x80, 255]
    ]) {
      expect(decodeMessage(message([1, 0, 0, 0], [1], 'a', [0, 0, 12], cls)).questions).toHaveLength(1)
    }
    expect(decodeMessage(message([1, 0, 0, 0], [1], 'a', [0, 0, 12, 0, 3])).questions).toEqual([])
  })

  test('TXT is read in any section, PTR among the answers', () => {
    const pointer = [[1], 'a', [0], head(12, 3), [1], 'b', [0]]
    const text = [[1], 'b', [0], head(16, 2), [1], 'x']
    const all = message([0, 2, 2, 2], ...[...pointer, ...text, ...pointer, ...text, ...pointer, ...text])
    expect(decodeMessage(all).pointers).toHaveLength(1)
    expect(decodeMessage(all).texts).toHaveLength(3)
  })

  test('records of other kinds and classes are passed over', () => {
    const other = [[1], 'a', [0], head(47, 3), [9, 9, 9]]
    const chaos = [[1], 'a', [0, 0, 16, 0, 3, 0, 0, 0, 120, 0, 2], [1], 'x']
    expect(decodeMessage(message([0, 2, 0, 0], ...other, ...chaos))).toMatchObject({ pointers: [], texts: [] })
  })

  const question = [0, 12, 0, 1]
  const wide = Array.from({ length: 4 }, () => [[63], 'a'.repeat(63)]).flat()
  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['half a header', new Uint8Array(11)],
    ['more than a message may have', new Uint8Array(9001)],
    ['another operation', bytesOf([0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    ['a result code', bytesOf([0, 0, 0x84, 3, 0, 0, 0, 0, 0, 0, 0, 0])],
    ['a question that is not there', message([1, 0, 0, 0])],
    ['a name without an end', message([1, 0, 0, 0], [1], 'a')],
    ['a label that goes beyond the end', message([1, 0, 0, 0], [40], 'abc')],
    ['a label of a reserved kind', message([1, 0, 0, 0], [0x41], 'a', [0], question)],
    ['a name of 256 bytes', message([1, 0, 0, 0], ...wide, [0], question)],
    ['a question cut short', message([1, 0, 0, 0], [1], 'a', [0, 0, 12, 0])],
    ['a pointer to itself', message([1, 0, 0, 0], [0xc0, 12], question)],
    ['a pointer to what comes behind', message([1, 0, 0, 0], [0xc0, 18], question, [1], 'a', [0])],
    ['a pointer that goes round through a label', message([1, 0, 0, 0], [1], 'a', [0xc0, 12], question)],
    ['half a pointer', message([1, 0, 0, 0], [0xc0])],
    ['data that goes beyond the end', message([0, 1, 0, 0], [1], 'a', [0], head(16, 200), [1], 'x')],
    ['data of another record that goes beyond the end', message([0, 1, 0, 0], [1], 'a', [0], head(47, 2), [0])],
    ['a PTR that is longer than its name', message([0, 1, 0, 0], [1], 'a', [0], head(12, 4), [1], 'b', [0, 0])],
    ['a PTR that is shorter than its name', message([0, 1, 0, 0], [1], 'a', [0], head(12, 2), [1], 'b', [0])],
    ['a string that goes beyond its record', message([0, 1, 0, 0], [1], 'a', [0], head(16, 2), [2], 'xy')],
    ['257 questions', message([257, 0, 0, 0], ...Array.from({ length: 257 }, () => [0, ...question]))],
    ['257 records in all', message([100, 100, 30, 27])],
    [
      '513 strings',
      message(
        [0, 1, 0, 0],
        [1],
        'a',
        [0],
        head(16, 513),
        Array.from({ length: 513 }, () => 0)
      )
    ]
  ])('%s is refused', (_, bytes) => refused(bytes))

  test('a name may point 16 times and no more', () => {
    // Each name is a label and a pointer to the one before.
    const chain = (length: number): Uint8Array => {
      const names = Array.from({ length }, (__, at) =>
        at === 0 ? [1, 97, 0, ...question] : [1, 97, 0xc0, 0, ...question]
      )
      let offset = 12
      let before = 0
      for (const entry of names) {
        if (before > 0) entry[3] = before
        before = offset
        offset += entry.length
      }
      return message([length, 0, 0, 0], ...names)
    }
    expect(decodeMessage(chain(17)).questions.at(-1)?.name.split('.')).toHaveLength(17)
    refused(chain(18))
  })

  test('ten thousand broken messages decode or fail in order', () => {
    const seed = Date.now() % 2 ** 32
    const below = seededRandom(seed)
    const good = [encodeMessage(announcement), encodeMessage({ response: false, questions: [{ name, type: 255 }] })]
    let decoded = 0
    for (let round = 0; round < 10_000; round++) {
      let bytes: Uint8Array
      if (round % 4 === 0) {
        bytes = Uint8Array.from({ length: below(200) }, () => below(256))
        // With a header that is looked at.
        bytes.set([0, 0, 0x84, 0, 0, below(4), 0, below(4), 0, below(4), 0, below(4)].slice(0, bytes.length))
      } else {
        bytes = (good[below(2)] as Uint8Array).slice()
        for (let change = below(8); change >= 0; change--) bytes[below(bytes.length)] = below(256)
        if (round % 4 === 1) bytes = bytes.subarray(0, below(bytes.length))
      }
      try {
        decodeMessage(bytes)
        decoded++
      } catch (error) {
        if (!isPeerloomError(error, 'ERR_DECODE')) throw new Error(`seed ${seed}, ${hex(bytes)}`, { cause: error })
      }
    }
    expect(decoded, `seed ${seed}`).toBeGreaterThan(100)
    expect(decoded, `seed ${seed}`).toBeLessThan(9900)
  })
})
