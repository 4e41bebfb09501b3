import { PeerloomError } from '@peerloom/interface'
import { varintLength, writeVarint } from './varint.ts'

const utf8 = new TextEncoder()

/**
 * Writes the fields of one protobuf message in the order of the calls. Empty and zero values are written: leaving a
 * field out is the caller's decision.
 *
 * ```ts
 * const bytes = new ProtobufWriter().uint64(1, 8).bytes(2, key).finish()
 * ```
 */
export class ProtobufWriter {
  #bytes = new Uint8Array(128)
  #length = 0

  bytes(field: number, value: Uint8Array): this {
    this.#reserve(14 + value.length)
    this.#tag(field, 2)
    this.#length = writeVarint(this.#bytes, this.#length, value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
    return this
  }

  string(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value))
  }

  /** `value` is a non-negative safe integer or a bigint below 2^64. */
  uint64(field: number, value: number | bigint): this {
    this.#reserve(16)
    this.#tag(field, 0)
    if (typeof value === 'number') {
      this.#length = writeVarint(this.#bytes, this.#length, value)
      return this
    }
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', `${value} does not fit into 64 bits without a sign`)
    }
    let rest = value
    while (rest >= 0x80n) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#bytes[this.#length++] = Number(rest)
    return this
  }

  bool(field: number, value: boolean): this {
    return this.uint64(field, value ? 1 : 0)
  }

  fixed64(field: number, value: bigint): this {
    this.#reserve(14)
    this.#tag(field, 1)
    new DataView(this.#bytes.buffer).setBigUint64(this.#length, value, true)
    this.#length += 8
    return this
  }

  /** A copy of exactly the message. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #tag(field: number, wire: number): void {
    this.#length = writeVarint(this.#bytes, this.#length, field * 8 + wire)
  }

  #reserve(length: number): void {
    const needed = this.#length + length
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}

/** Puts the varint length before a message. */
export function lengthPrefix(message: Uint8Array): Uint8Array {
  const head = varintLength(message.length)
  const framed = new Uint8Array(head + message.length)
  writeVarint(framed, 0, message.length)
  framed.set(message, head)
  return framed
}
