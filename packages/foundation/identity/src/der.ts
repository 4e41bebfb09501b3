import { PeerloomError } from '@peerloom/interface'
import { invalidKey } from './algorithm.ts'

/** The tags of ASN.1 values that keys, signatures and certificates are made of (X.690, 8.1.2). */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** Constructed, of the context: `EXPLICIT [0]` and so on. */
  context0: 0xa0,
  context1: 0xa1,
  context2: 0xa2,
  context3: 0xa3,
  /** Primitive, of the context: `IMPLICIT [1] BIT STRING`. */
  primitive1: 0x81,
  primitive2: 0x82
} as const

/** Nothing that is read or written here needs a length of more bytes. */
const longestLengthBytes = 2

/**
 * Reads strict DER (X.690) from front to end, each byte once: one encoding for every value, so that a key has one form and
 * one peer id. A length is compared with the bytes that are left before anything is done with it (CVE-2026-110789). Values are
 * views. Throws what `fault` makes, ERR_INVALID_KEY by default.
 */
export class DerReader {
  readonly #bytes: Uint8Array
  protected readonly fault: (message: string) => Error
  #at = 0

  constructor(bytes: Uint8Array, fault: (message: string) => Error = invalidKey) {
    this.#bytes = bytes
    this.fault = (message) => fault(`DER: ${message}`)
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** Whether the next value has this tag. */
  next(tag: number): boolean {
    return this.#bytes[this.#at] === tag
  }

  /** The contents of the next value, which must have this tag. */
  read(tag: number): Uint8Array {
    const end = this.#enter(tag)
    const contents = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return contents
  }

  /** The next value whole, with its tag and length. */
  raw(tag: number): Uint8Array {
    const start = this.#at
    this.#at = this.#enter(tag)
    return this.#bytes.subarray(start, this.#at)
  }

  nested(tag: number): DerReader {
    return new DerReader(this.read(tag))
  }

  /** The big-endian bytes of an integer that is not negative, without leading zeros: empty for 0. */
  integer(): Uint8Array {
    const bytes = this.read(tags.integer)
    const first = bytes[0]
    if (first === undefined || first >= 0x80) throw this.fault('integer is empty or negative')
    if (first !== 0) return bytes
    if (bytes.length > 1 && (bytes[1] as number) < 0x80) throw this.fault('integer is not minimal')
    return bytes.subarray(1)
  }

  /** The bytes of a bit string of whole bytes. */
  bitString(): Uint8Array {
    const bytes = this.read(tags.bitString)
    if (bytes[0] !== 0) throw this.fault('bit string is empty or has unused bits')
    return bytes.subarray(1)
  }

  /** Nothing may follow. */
  end(): void {
    if (!this.isAtEnd) throw this.fault('bytes behind the value')
  }

  /** Reads tag and length; gives where the value ends. */
  #enter(tag: number): number {
    if (!this.next(tag)) throw this.fault(`expected tag ${tag} at ${this.#at}`)
    this.#at++
    const length = this.#length()
    if (length > this.#bytes.length - this.#at) throw this.fault('length over the end')
    return this.#at + length
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw this.fault('ends inside a length')
    return byte
  }

  #length(): number {
    const first = this.#byte()
    if (first < 0x80) return first
    const count = first & 0x7f
    if (count === 0 || count > longestLengthBytes) throw this.fault('length out of range')
    let length = 0
    for (let index = 0; index < count; index++) length = length * 256 + this.#byte()
    if (length < (count === 1 ? 0x80 : 0x100)) throw this.fault('length is not minimal')
    return length
  }
}

/** Writes one value; the parts are its contents. Throws ERR_INVALID_ARGUMENT for 64 KiB and more. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  if (length > 0xffff) throw new PeerloomError('ERR_INVALID_ARGUMENT', `a DER value of ${length} bytes`)
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
