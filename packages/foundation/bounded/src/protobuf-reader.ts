import { PeerloomError } from '@peerloom/interface'

export interface DecodeLimits {
  /** Fields in a message and all messages inside it. Default 4096. */
  readonly maxFields?: number
  /** Messages inside messages. Default 8. */
  readonly maxDepth?: number
}

const defaults = { maxFields: 4096, maxDepth: 8 }

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Shared by a message and those inside it, so that nesting does not multiply the bound. */
export interface Budget {
  fields: number
}

const fail = (message: string): PeerloomError =>
  new PeerloomError('ERR_DECODE', `protobuf: ${message}`, { remote: true })

/**
 * Pulls the fields of one protobuf message, in wire order, inside limits. Every error is a PeerloomError ERR_DECODE.
 *
 * ```ts
 * const reader = new ProtobufReader(bytes)
 * for (let field = reader.next(); field !== 0; field = reader.next()) {
 *   if (field === 1) key = reader.bytes()
 *   else if (field === 2) seq = reader.uint64()
 *   else reader.skip()
 * }
 * ```
 */
export class ProtobufReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  readonly #budget: Budget
  readonly #depth: number
  #at: number
  #wire = 0

  /** `budget` is for messages inside messages; leave it out. */
  constructor(bytes: Uint8Array, limits: DecodeLimits = {}, budget?: Budget) {
    this.#bytes = bytes
    this.#at = 0
    this.#end = bytes.length
    this.#budget = budget ?? { fields: limits.maxFields ?? defaults.maxFields }
    this.#depth = limits.maxDepth ?? defaults.maxDepth
  }

  /** Moves to the next field: its number, or 0 at the end. The field must then be read or skipped. */
  next(): number {
    if (this.#at >= this.#end) return 0
    if (--this.#budget.fields < 0) throw fail('too many fields')
    const tag = this.#varint()
    this.#wire = tag & 7
    const field = Math.floor(tag / 8)
    if (field === 0 || field > 0x1fffffff) throw fail(`field number ${field}`)
    return field
  }

  /** A view of the message's bytes. */
  bytes(): Uint8Array {
    this.#expect(2)
    const length = this.#varint()
    const start = this.#at
    if (length > this.#end - start) throw fail('length over the end')
    this.#at = start + length
    return this.#bytes.subarray(start, this.#at)
  }

  /** Rejects bytes that are not UTF-8. */
  string(): string {
    const bytes = this.bytes()
    try {
      return utf8.decode(bytes)
    } catch (cause) {
      throw new PeerloomError('ERR_DECODE', 'protobuf: string is not UTF-8', { cause, remote: true })
    }
  }

  /** An unsigned integer that must be below 2^32. */
  uint32(): number {
    this.#expect(0)
    const value = this.#varint()
    if (value > 0xffffffff) throw fail('number over 2^32 - 1')
    return value
  }

  bool(): boolean {
    return this.uint64() !== 0n
  }

  uint64(): bigint {
    this.#expect(0)
    const first = this.#bytes[this.#at]
    if (first !== undefined && first < 0x80 && this.#at < this.#end) {
      this.#at++
      return BigInt(first)
    }
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) {
        if (value > 0xffff_ffff_ffff_ffffn) break
        return value
      }
    }
    throw fail('number over 2^64 - 1')
  }

  fixed64(): bigint {
    this.#expect(1)
    if (this.#end - this.#at < 8) throw fail('ends inside a number')
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, 8)
    this.#at += 8
    return view.getBigUint64(0, true)
  }

  /** A message inside this one: a reader for it that draws on the same limits. */
  message(): ProtobufReader {
    if (this.#depth <= 0) throw fail('nested too deeply')
    return new ProtobufReader(this.bytes(), { maxDepth: this.#depth - 1 }, this.#budget)
  }

  skip(): void {
    switch (this.#wire) {
      case 0:
        for (let count = 0; this.#byte() >= 0x80;) if (++count >= 10) throw fail('varint too long')
        break
      case 1:
        this.#advance(8)
        break
      case 2:
        this.bytes()
        break
      case 5:
        this.#advance(4)
        break
      default:
        throw fail(`wire type ${this.#wire}`)
    }
  }

  #advance(length: number): void {
    if (length > this.#end - this.#at) throw fail('ends inside a field')
    this.#at += length
  }

  #expect(wire: number): void {
    if (this.#wire !== wire) throw fail(`wire type ${this.#wire}, expected ${wire}`)
  }

  #byte(): number {
    const byte = this.#at < this.#end ? this.#bytes[this.#at++] : undefined
    if (byte === undefined) throw fail('ends inside a number')
    return byte
  }

  #varint(): number {
    const first = this.#byte()
    if (first < 0x80) return first
    let value = first & 0x7f
    let factor = 128
    for (let count = 1; count < 8; count++) {
      const byte = this.#byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break
        return value
      }
      factor *= 128
    }
    throw fail('number over 2^53 - 1')
  }
}
