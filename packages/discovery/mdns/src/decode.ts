import { fail, readName, skipName } from './dns-name.ts'
import { type PointerRecord, type Question, type ReceivedMessage, recordTypes, type TextRecord } from './dns-message.ts'

/** RFC 6762 section 17 allows no more. */
const maxMessageBytes = 9000
/** Questions and records of one message. */
const maxEntries = 256
/** Strings of all TXT records of one message. */
const maxStrings = 512

/**
 * Decodes a multicast DNS message: questions, PTR among the answers, TXT; other records are skipped. Work is linear in the
 * size, names are bounded in length and in pointers. Throws ERR_DECODE, and nothing else.
 */
export function decodeMessage(bytes: Uint8Array): ReceivedMessage {
  if (bytes.length > maxMessageBytes) throw fail(`a message of ${bytes.length} bytes`)
  if (bytes.length < 12) throw fail('a message without a header')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const flags = view.getUint16(2)
  // RFC 6762 sections 18.3 and 18.11: neither may be anything but zero.
  if ((flags & 0x780f) !== 0) throw fail(`operation or result code, ${flags & 0x780f}`)
  const counts = [view.getUint16(4), view.getUint16(6), view.getUint16(8), view.getUint16(10)] as const
  const [questionCount, answerCount, authorityCount, additionalCount] = counts
  if (counts[0] + counts[1] + counts[2] + counts[3] > maxEntries) throw fail('too many records')

  let at = 12
  const take = (length: number): number => {
    const start = at
    at += length
    if (at > bytes.length) throw fail('ends inside a record')
    return start
  }

  const questions: Question[] = []
  for (let index = 0; index < questionCount; index++) {
    const name = readName(bytes, at)
    at = skipName(bytes, at)
    const start = take(4)
    // The top bit asks for an answer by unicast (section 5.4).
    if (isInternet(view.getUint16(start + 2) & 0x7fff)) questions.push({ name, type: view.getUint16(start) })
  }

  const pointers: PointerRecord[] = []
  const texts: TextRecord[] = []
  let stringsLeft = maxStrings
  const total = answerCount + authorityCount + additionalCount
  for (let index = 0; index < total; index++) {
    const owner = at
    at = skipName(bytes, at)
    const start = take(10)
    const type = view.getUint16(start)
    // The top bit of the class is cache-flush (section 10.2).
    const internet = isInternet(view.getUint16(start + 2) & 0x7fff)
    const ttlSeconds = view.getUint32(start + 4)
    const length = view.getUint16(start + 8)
    const data = take(length)
    if (!internet) continue
    if (type === recordTypes.PTR && index < answerCount) {
      // The name may be compressed, but what stands here must end with the record.
      if (skipName(bytes, data) !== data + length) throw fail('a PTR of a wrong length')
      pointers.push({ type: 'PTR', name: readName(bytes, owner), ttlSeconds, target: readName(bytes, data) })
    } else if (type === recordTypes.TXT) {
      const strings = readStrings(bytes, data, data + length)
      stringsLeft -= strings.length
      if (stringsLeft < 0) throw fail('too many strings')
      texts.push({ type: 'TXT', name: readName(bytes, owner), ttlSeconds, strings })
    }
  }
  return { response: (flags & 0x8000) !== 0, questions, pointers, texts }
}

/** IN, or any class, which only questions may have. */
const isInternet = (cls: number): boolean => cls === 1 || cls === 255

/** Views of the message. */
function readStrings(bytes: Uint8Array, start: number, end: number): Uint8Array[] {
  const strings: Uint8Array[] = []
  for (let at = start; at < end;) {
    const next = at + 1 + (bytes[at] as number)
    if (next > end) throw fail('a string ends outside of its record')
    strings.push(bytes.subarray(at + 1, next))
    at = next
  }
  return strings
}
