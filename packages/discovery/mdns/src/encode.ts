import { PeerloomError } from '@peerloom/interface'
import { type DnsMessage, type DnsRecord, type Question, recordTypes } from './dns-message.ts'
import { maxLabelBytes } from './dns-name.ts'

const classInternet = 1
/** RFC 6762 section 10.2: replaces what caches have under this name and type. */
const cacheFlush = 0x8000
const responseFlags = 0x8400
/** Where the 14 bits of a pointer end. */
const maxPointer = 0x3fff

/** Encodes a message, names compressed. Names are plain: their labels have no dots inside. */
export function encodeMessage(message: DnsMessage): Uint8Array {
  const { questions = [], answers = [], additionals = [] } = message
  const writer = new Writer()
  // The identifier of a multicast message is zero (RFC 6762 section 18.1).
  writer.uint16(0)
  writer.uint16(message.response ? responseFlags : 0)
  for (const count of [questions.length, answers.length, 0, additionals.length]) writer.uint16(count)
  for (const question of questions) writer.question(question)
  for (const record of [...answers, ...additionals]) writer.record(record)
  return writer.finish()
}

class Writer {
  readonly #suffixes = new Map<string, number>()
  #bytes = new Uint8Array(512)
  #length = 0

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  uint16(value: number): void {
    this.#reserve(2)
    this.#bytes[this.#length++] = value >>> 8
    this.#bytes[this.#length++] = value & 0xff
  }

  question({ name, type }: Question): void {
    this.#name(name)
    this.uint16(type)
    this.uint16(classInternet)
  }

  record(record: DnsRecord): void {
    this.#name(record.name)
    this.uint16(recordTypes[record.type])
    this.uint16(record.type === 'PTR' ? classInternet : classInternet | cacheFlush)
    this.uint16(record.ttlSeconds >>> 16)
    this.uint16(record.ttlSeconds & 0xffff)
    this.uint16(0)
    const start = this.#length
    this.#data(record)
    const length = this.#length - start
    this.#bytes[start - 2] = length >>> 8
    this.#bytes[start - 1] = length & 0xff
  }

  #data(record: DnsRecord): void {
    switch (record.type) {
      case 'PTR':
        return this.#name(record.target)
      case 'SRV':
        // Priority and weight choose among several; there is one.
        this.uint16(0)
        this.uint16(0)
        this.uint16(record.port)
        return this.#name(record.target)
      case 'TXT':
        for (const string of record.strings) this.#string(string)
        // A TXT record without strings has one that is empty (RFC 6763 section 6.1).
        if (record.strings.length === 0) this.#string(new Uint8Array(0))
        return
      default:
        this.#raw(record.ip)
    }
  }

  #string(bytes: Uint8Array): void {
    if (bytes.length > 255) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', `a string of ${bytes.length} bytes, TXT takes 255`)
    }
    this.#raw(Uint8Array.of(bytes.length))
    this.#raw(bytes)
  }

  #name(name: string): void {
    for (let rest = name; rest !== '';) {
      const known = this.#suffixes.get(rest)
      if (known !== undefined) return this.uint16(0xc000 | known)
      if (this.#length <= maxPointer) this.#suffixes.set(rest, this.#length)
      const dot = rest.indexOf('.')
      const label = dot < 0 ? rest : rest.slice(0, dot)
      if (label.length === 0 || label.length > maxLabelBytes) {
        throw new PeerloomError('ERR_INVALID_ARGUMENT', `${name} is no DNS name`)
      }
      this.#raw(Uint8Array.of(label.length))
      this.#raw(Uint8Array.from(label, (char) => char.charCodeAt(0)))
      rest = dot < 0 ? '' : rest.slice(dot + 1)
    }
    this.#raw(Uint8Array.of(0))
  }

  #raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#bytes.length) return
    const grown = new Uint8Array((this.#bytes.length + length) * 2)
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}
