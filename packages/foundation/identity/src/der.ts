import { invalidKey } from './algorithm.ts'

export const tags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectId: 0x06,
  sequence: 0x30,
  context0: 0xa0,
  context1: 0xa1
} as const

/** No key or signature of ours needs more than two bytes of length. */
const longestLengthBytes = 2

/**
 * Reads strict DER (X.690): one encoding for every value, so that a key has one form and one peer id. A length is
 * compared with the bytes that are left before anything is done with it (CVE-2026-110789). Throws ERR_INVALID_KEY.
 */
export class DerReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Whether the next value has this tag. */
  next(tag: number): boolean {
    return this.#bytes[this.#at] === tag
  }

  /** A view of the contents of the next value. */
  read(tag: number): Uint8Array {
    if (!this.next(tag)) throw invalidKey(`DER: expected tag ${tag} at ${this.#at}`)
    this.#at++
    const length = this.#lengthOctets()
    if (length > this.#bytes.length - this.#at) throw invalidKey('DER: length over the end')
    const start = this.#at
    this.#at += length
    return this.#bytes.subarray(start, this.#at)
  }

  nested(tag: number): DerReader {
    return new DerReader(this.read(tag))
  }

  /** The big-endian bytes of an integer that is not negative, without leading zeros: empty for 0. */
  integer(): Uint8Array {
    const bytes = this.read(tags.integer)
    const first = bytes[0]
    if (first === undefined || first >= 0x80) throw invalidKey('DER: integer is empty or negative')
    if (first !== 0) return bytes
    if (bytes.length > 1 && (bytes[1] as number) < 0x80) throw invalidKey('DER: integer is not minimal')
    return bytes.subarray(1)
  }

  /** The bytes of a bit string of whole bytes. */
  bitString(): Uint8Array {
    const bytes = this.read(tags.bitString)
    if (bytes[0] !== 0) throw invalidKey('DER: bit string is empty or has unused bits')
    return bytes.subarray(1)
  }

  /** Nothing may follow. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw invalidKey('DER: bytes behind the value')
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw invalidKey('DER: ends inside a length')
    return byte
  }

  #lengthOctets(): number {
    const first = this.#byte()
    if (first < 0x80) return first
    const count = first & 0x7f
    if (count === 0 || count > longestLengthBytes) throw invalidKey('DER: length out of range')
    let length = 0
    for (let index = 0; index < count; index++) length = length * 256 + this.#byte()
    if (length < (count === 1 ? 0x80 : 0x100)) throw invalidKey('DER: length is not minimal')
    return length
  }
}

/** Writes one value; the parts are its contents. Shorter than 64 KiB. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff]
  const bytes = new Uint8Array(head.length + length)
  bytes.set(head)
  let at = head.length
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** An integer from big-endian bytes, which may have leading zeros. */
export function derInteger(bytes: Uint8Array): Uint8Array {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const minimal = bytes.subarray(start)
  return (minimal[0] ?? 0) < 0x80 && minimal.length > 0
    ? der(tags.integer, minimal)
    : der(tags.integer, Uint8Array.of(0), minimal)
}
