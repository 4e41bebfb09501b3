import { PeerloomError } from '@peerloom/interface'
import type { RpcLimits } from './limits.ts'
import { TopicNames } from './topic-names.ts'

export const decodeError = (message: string): PeerloomError =>
  new PeerloomError('ERR_DECODE', `pubsub: ${message}`, { remote: true })

/** The wire type of a tag: fields of bytes. */
const lengthDelimited = 2

/** Goes through the fields of a protobuf message, inside limits. Throws ERR_DECODE. Used again for the next message. */
export class FieldReader {
  readonly #maxTopicBytes: number
  readonly #maxSpareFields: number
  readonly #topics = new TopicNames()
  bytes: Uint8Array = new Uint8Array(0)
  /** What comes next. */
  at = 0
  /** Wire type of the field that was begun. */
  #wire = 0
  /** Fields that mean nothing that may still come. */
  #spare = 0

  constructor(limits: RpcLimits) {
    this.#maxTopicBytes = limits.maxTopicBytes
    this.#maxSpareFields = limits.maxSpareFields
  }

  begin(bytes: Uint8Array): void {
    this.bytes = bytes
    this.at = 0
    this.#spare = this.#maxSpareFields
  }

  /** Begins a field: its number. */
  field(end: number): number {
    const tag = this.#varint(end)
    this.#wire = tag & 7
    const field = Math.floor(tag / 8)
    if (field === 0 || field > 0x1fffffff) throw decodeError(`field number ${field}`)
    return field
  }

  /** Enters a field of bytes: where it ends. */
  inner(end: number): number {
    if (this.#wire !== lengthDelimited) throw decodeError(`wire type ${this.#wire} where bytes should be`)
    const length = this.#varint(end)
    if (length > end - this.at) throw decodeError('a length goes over the end')
    return this.at + length
  }

  view(end: number): Uint8Array {
    const valueEnd = this.inner(end)
    const view = this.bytes.subarray(this.at, valueEnd)
    this.at = valueEnd
    return view
  }

  topic(end: number): string {
    return this.topicUpTo(this.inner(end))
  }

  /** A topic whose field has been entered. */
  topicUpTo(valueEnd: number): string {
    const length = valueEnd - this.at
    if (length > this.#maxTopicBytes) throw decodeError(`the name of a topic has ${length} bytes`)
    const topic = this.#topics.decode(this.bytes, this.at, valueEnd)
    this.at = valueEnd
    return topic
  }

  bool(end: number): boolean {
    return this.number(end) !== 0
  }

  /** Any number of 64 bits, its last digits rounded above 2^53. */
  number(end: number): number {
    if (this.#wire !== 0) throw decodeError(`wire type ${this.#wire} where a number should be`)
    return this.#varint64(end)
  }

  #varint(end: number): number {
    const first = this.at < end ? (this.bytes[this.at] as number) : 0x80
    if (first < 0x80) {
      this.at++
      return first
    }
    const value = this.#varint64(end)
    if (value > 0xffff_ffff) throw decodeError('a tag or length over 2^32')
    return value
  }

  #varint64(end: number): number {
    let value = 0
    let factor = 1
    for (let count = 0; count < 10; count++) {
      if (this.at >= end) throw decodeError('it ends inside a number')
      const byte = this.bytes[this.at++] as number
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
    throw decodeError('a number of more than ten bytes')
  }

  /** Leaves out a field that means nothing to us. */
  skip(end: number): void {
    this.useSpare()
    switch (this.#wire) {
      case 0:
        this.#varint64(end)
        break
      case 1:
        this.#advance(8, end)
        break
      case 2:
        this.at = this.inner(end)
        break
      case 5:
        this.#advance(4, end)
        break
      default:
        throw decodeError(`wire type ${this.#wire}`)
    }
  }

  #advance(length: number, end: number): void {
    if (length > end - this.at) throw decodeError('it ends inside a field')
    this.at += length
  }

  useSpare(): void {
    if (--this.#spare < 0) throw decodeError('too many fields that mean nothing')
  }
}
