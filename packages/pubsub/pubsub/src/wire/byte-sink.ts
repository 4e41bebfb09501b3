import { writeVarint } from '@peerloom/bounded'

const utf8 = new TextEncoder()

/** Fills an array whose length was counted before. */
export class ByteSink {
  readonly target: Uint8Array
  #at = 0

  constructor(length: number) {
    this.target = new Uint8Array(length)
  }

  get length(): number {
    return this.#at
  }

  varint(value: number): void {
    if (value < 0x80) this.target[this.#at++] = value
    else this.#at = writeVarint(this.target, this.#at, value)
  }

  /** The tag and the length of a field of bytes; the bytes come next. */
  head(tag: number, length: number): void {
    this.target[this.#at++] = tag
    this.varint(length)
  }

  flag(tag: number, value: boolean): void {
    this.target[this.#at++] = tag
    this.target[this.#at++] = value ? 1 : 0
  }

  raw(bytes: Uint8Array): void {
    this.target.set(bytes, this.#at)
    this.#at += bytes.length
  }

  bytes(tag: number, value: Uint8Array): void {
    this.head(tag, value.length)
    this.raw(value)
  }

  /** A binary string: each character is a byte. */
  binary(tag: number, value: string): void {
    this.head(tag, value.length)
    for (let index = 0; index < value.length; index++) this.target[this.#at++] = value.charCodeAt(index)
  }

  /** `length` is that of the text in UTF-8. */
  text(tag: number, value: string, length: number): void {
    this.head(tag, length)
    this.#at += utf8.encodeInto(value, this.target.subarray(this.#at)).written
  }
}
