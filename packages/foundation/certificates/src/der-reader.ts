import { PeerloomError } from '@peerloom/interface'

/** The tags of ASN.1 values that certificates are made of (X.690, 8.1.2). */
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

/** Nothing that is read here needs more than 16 MiB. */
const longestLengthBytes = 3
/** The longest object identifiers in use hold a UUID, 19 bytes. */
const maxObjectIdBytes = 64

export const malformed = (message: string): PeerloomError =>
  new PeerloomError('ERR_DECODE', `DER: ${message}`, { remote: true })

/**
 * Reads strict DER (X.690) from front to end, each byte once. A length is compared with the bytes that are left before
 * anything is done with it. Values are views. Throws ERR_DECODE.
 */
export class DerReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
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

  /** An integer from 0 to 2^31 - 1. */
  smallInteger(): number {
    const bytes = this.read(tags.integer)
    const [first = 0x80, second = 0x80] = bytes
    if (first >= 0x80 || bytes.length > 4 || (first === 0 && bytes.length > 1 && second < 0x80)) {
      throw malformed('integer out of range')
    }
    return bytes.reduce((value, byte) => value * 256 + byte, 0)
  }

  /** The bytes of a bit string of whole bytes. */
  bitString(): Uint8Array {
    const bytes = this.read(tags.bitString)
    if (bytes[0] !== 0) throw malformed('bit string is empty or has unused bits')
    return bytes.subarray(1)
  }

  /** In dotted form. */
  objectId(): string {
    const bytes = this.read(tags.objectId)
    if (bytes.length === 0 || bytes.length > maxObjectIdBytes || (bytes.at(-1) as number) >= 0x80) {
      throw malformed(`object identifier of ${bytes.length} bytes`)
    }
    const arcs: bigint[] = []
    let arc = 0n
    for (const byte of bytes) {
      if (arc === 0n && byte === 0x80) throw malformed('object identifier is not minimal')
      arc = (arc << 7n) | BigInt(byte & 0x7f)
      if (byte >= 0x80) continue
      arcs.push(arc)
      arc = 0n
    }
    const head = arcs[0] as bigint
    const first = head < 80n ? head / 40n : 2n
    return [first, head - first * 40n, ...arcs.slice(1)].join('.')
  }

  /** Nothing may follow. */
  end(): void {
    if (!this.isAtEnd) throw malformed('bytes behind the value')
  }

  /** Reads tag and length; gives where the value ends. */
  #enter(tag: number): number {
    if (!this.next(tag)) throw malformed(`expected tag ${tag} at ${this.#at}`)
    this.#at++
    const length = this.#length()
    if (length > this.#bytes.length - this.#at) throw malformed('length over the end')
    return this.#at + length
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw malformed('ends inside a length')
    return byte
  }

  #length(): number {
    const first = this.#byte()
    if (first < 0x80) return first
    const count = first & 0x7f
    if (count === 0 || count > longestLengthBytes) throw malformed('length out of range')
    let length = 0
    for (let index = 0; index < count; index++) length = length * 256 + this.#byte()
    if (length < (count === 1 ? 0x80 : 0x100 ** (count - 1))) throw malformed('length is not minimal')
    return length
  }
}
