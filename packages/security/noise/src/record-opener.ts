import { concat } from '@peerloom/bounded'
import { PeerloomError } from '@peerloom/interface'
import { doneWith, ownBuffer } from '@peerloom/streams'
import type { Opener, RecordCipher } from './crypto-interface.ts'
import { Nonce } from './nonce.ts'
import { lengthBytes, tagBytes } from './record.ts'

/** A record that comes in more pieces than this is put together, for small pieces take much more memory than they hold. */
const maxPieces = 64

/**
 * Opens records as their bytes come in, in whatever pieces: no ciphertext is kept or copied but a split length or tag.
 * Plain text is held until the tag has proved it.
 */
export class RecordOpener {
  readonly #cipher: RecordCipher
  readonly #nonce: Nonce
  /** A split length or tag, and how much of it is here. */
  #split: Uint8Array | undefined
  #have = 0
  /** Ciphertext of the record under way that is still to come. */
  #left = 0
  #opener: Opener | undefined
  #plain: Uint8Array[] = []

  constructor(cipher: RecordCipher, nonce: Nonce = new Nonce()) {
    this.#cipher = cipher
    this.#nonce = nonce
  }

  /** Whether the bytes so far end between two records. */
  get isBetweenRecords(): boolean {
    return this.#opener === undefined && this.#have === 0
  }

  /**
   * Calls `deliver` with genuine plain text, in order; it answers how many of the bytes were not kept. Throws ERR_SECURITY
   * for a record that is not.
   */
  push(chunk: Uint8Array, deliver: (plain: Uint8Array) => number): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#opener === undefined) {
        const length = this.#take(chunk, at, lengthBytes)
        at = this.#at
        if (length === undefined) return
        const size = ((length[0] as number) << 8) | (length[1] as number)
        if (size < tagBytes) {
          throw new PeerloomError('ERR_SECURITY', `Noise: a record of ${size} bytes`, { remote: true })
        }
        this.#left = size - tagBytes
        this.#opener = this.#cipher.opener(this.#nonce.next(), this.#left)
      } else if (this.#left > 0) {
        const end = Math.min(chunk.length, at + this.#left)
        this.#keep(this.#opener.push(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end)))
        this.#left -= end - at
        at = end
      }
      if (this.#left === 0) {
        const tag = this.#take(chunk, at, tagBytes)
        at = this.#at
        if (tag === undefined) return
        this.#finish(tag)
        const plain = this.#plain
        this.#plain = []
        for (const part of plain) {
          ownBuffer(part)
          doneWith(part.buffer, deliver(part))
        }
      }
    }
  }

  #finish(tag: Uint8Array): void {
    try {
      this.#keep(this.#opener?.finish(tag))
    } catch (cause) {
      throw new PeerloomError('ERR_SECURITY', 'Noise: a record is not genuine', { cause, remote: true })
    }
    this.#opener = undefined
  }

  #keep(plain: Uint8Array | undefined): void {
    if (plain === undefined || plain.length === 0) return
    this.#plain.push(plain)
    if (this.#plain.length > maxPieces) this.#plain = [concat(this.#plain)]
  }

  /** Where `#take` has read to. */
  #at = 0

  /** `length` bytes, gathered over chunks when they are split; undefined when some are missing. */
  #take(chunk: Uint8Array, at: number, length: number): Uint8Array | undefined {
    if (this.#have === 0 && chunk.length - at >= length) {
      this.#at = at + length
      return chunk.subarray(at, this.#at)
    }
    this.#split ??= new Uint8Array(tagBytes)
    const count = Math.min(length - this.#have, chunk.length - at)
    this.#split.set(chunk.subarray(at, at + count), this.#have)
    this.#have += count
    this.#at = at + count
    if (this.#have < length) return undefined
    this.#have = 0
    return this.#split.subarray(0, length)
  }
}
