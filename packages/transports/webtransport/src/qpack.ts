import { PeerloomError } from '@peerloom/interface'
import { decodeHuffman } from './huffman.ts'
import { concat } from './varint.ts'

// QPACK without a dynamic table (RFC 9204): we announce one of size 0, so that nobody may refer to it.

const staticEntries = 99
/** Of the static table (appendix A), what a request for a session and its answer are made of; the others are not looked at. */
const known = new Map<number, readonly [name: string, value: string]>([
  [0, [':authority', '']],
  [1, [':path', '/']],
  [15, [':method', 'CONNECT']],
  [16, [':method', 'DELETE']],
  [17, [':method', 'GET']],
  [18, [':method', 'HEAD']],
  [19, [':method', 'OPTIONS']],
  [20, [':method', 'POST']],
  [21, [':method', 'PUT']],
  [22, [':scheme', 'http']],
  [23, [':scheme', 'https']],
  [24, [':status', '103']],
  [25, [':status', '200']],
  [26, [':status', '304']],
  [27, [':status', '404']],
  [28, [':status', '503']],
  [63, [':status', '100']],
  [64, [':status', '204']],
  [65, [':status', '206']],
  [66, [':status', '302']],
  [67, [':status', '400']],
  [68, [':status', '403']],
  [69, [':status', '421']],
  [70, [':status', '425']],
  [71, [':status', '500']],
  [90, ['origin', '']]
])

const maxFields = 64
/** From here on, the length of a value takes more than one byte. */
const maxShortLength = 127
const maxStringBytes = 4096

const broken = (what: string): PeerloomError => new PeerloomError('ERR_DECODE', `QPACK: ${what}`, { remote: true })

class FieldReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  peek(): number {
    const octet = this.#bytes[this.#at]
    if (octet === undefined) throw broken('cut off')
    return octet
  }

  /** An integer with a prefix of so many bits (RFC 7541 section 5.1). */
  integer(prefixBits: number): number {
    const mask = 2 ** prefixBits - 1
    let value = this.peek() & mask
    this.#at++
    if (value < mask) return value
    for (let factor = 1, count = 0; ; factor *= 128, count++) {
      if (count === 4) throw broken('an integer beyond reason')
      const octet = this.peek()
      this.#at++
      value += (octet & 0x7f) * factor
      if ((octet & 0x80) === 0) return value
    }
  }

  /** A string whose length has a prefix of so many bits, with the Huffman bit above them. */
  string(prefixBits: number): string {
    const isHuffman = (this.peek() & (1 << prefixBits)) !== 0
    const length = this.integer(prefixBits)
    if (length > maxStringBytes) throw broken(`a string of ${length} bytes`)
    if (this.#at + length > this.#bytes.length) throw broken('cut off')
    const raw = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return new TextDecoder('latin1').decode(isHuffman ? decodeHuffman(raw, maxStringBytes) : raw)
  }
}

/** The fields of a header section; the first one of each name. Throws ERR_DECODE. */
export function decodeFields(section: Uint8Array): Map<string, string> {
  const reader = new FieldReader(section)
  const fields = new Map<string, string>()
  const add = (name: string, value: string): void => {
    if (!fields.has(name)) fields.set(name, value)
  }
  if (reader.integer(8) !== 0) throw broken('refers to a dynamic table')
  reader.integer(7) // the base, of no meaning then
  for (let count = 0; !reader.isAtEnd; count++) {
    if (count >= maxFields) throw broken('too many fields')
    const first = reader.peek()
    if (first & 0x80) {
      // Indexed field line (section 4.5.2).
      if ((first & 0x40) === 0) throw broken('refers to a dynamic table')
      const entry = fromTable(reader.integer(6))
      if (entry !== undefined) add(...entry)
    } else if (first & 0x40) {
      // Literal field line with name reference (section 4.5.4).
      if ((first & 0x10) === 0) throw broken('refers to a dynamic table')
      const entry = fromTable(reader.integer(4))
      const value = reader.string(7)
      if (entry !== undefined) add(entry[0], value)
    } else if (first & 0x20) {
      // Literal field line with literal name (section 4.5.6).
      const name = reader.string(3)
      add(name, reader.string(7))
    } else {
      throw broken('refers to a dynamic table')
    }
  }
  return fields
}

function fromTable(index: number): readonly [name: string, value: string] | undefined {
  if (index >= staticEntries) throw broken(`no static entry ${index}`)
  return known.get(index)
}

/** A header section with the status, which is in the static table or written out. */
export function encodeStatus(status: 200 | 400 | 404 | 429): Uint8Array {
  const indexes = { 200: 25, 400: 67, 404: 27, 429: undefined }
  const index = indexes[status]
  if (index === undefined) {
    // A literal with the name of entry 24 (`:status`).
    return Uint8Array.of(0, 0, 0x5f, 24 - 15, 3, ...new TextEncoder().encode(String(status)))
  }
  return index < 63 ? Uint8Array.of(0, 0, 0xc0 | index) : Uint8Array.of(0, 0, 0xff, index - 63)
}

/** The header section of a request for a session (RFC 9220 section 3). */
export function encodeRequest(authority: string, path: string): Uint8Array {
  const text = new TextEncoder()
  const [authorityBytes, pathBytes] = [text.encode(authority), text.encode(path)]
  if (Math.max(authorityBytes.length, pathBytes.length) >= maxShortLength) throw broken('a value that is too long')
  return concat(
    // CONNECT and https are in the static table, the two others as names.
    Uint8Array.of(0, 0, 0xc0 | 15, 0xc0 | 23, 0x50, authorityBytes.length),
    authorityBytes,
    Uint8Array.of(0x51, pathBytes.length),
    pathBytes,
    encodeField(':protocol', 'webtransport'),
    // What servers of the second draft look for.
    encodeField('sec-webtransport-http3-draft02', '1')
  )
}

/** A literal field behind a section: what browsers of the second draft look for. */
export function encodeField(name: string, value: string): Uint8Array {
  const text = new TextEncoder()
  const [nameBytes, valueBytes] = [text.encode(name), text.encode(value)]
  const nameLength = nameBytes.length < 7 ? [0x20 | nameBytes.length] : [0x27, nameBytes.length - 7]
  return Uint8Array.of(...nameLength, ...nameBytes, valueBytes.length, ...valueBytes)
}
