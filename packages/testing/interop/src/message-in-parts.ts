import type { MessageParts } from './foreign-pubsub.ts'

const partsOfMessage = 8
const lengthBytes = 4

/**
 * The application on top of partial messages, as the Go and Rust peers have it: a message has eight parts, the metadata is a
 * byte with a bit for each part that the sender has, and everybody wants all. An encoded part message is such a byte for what
 * is inside, and then each part with its length before it, in big-endian order.
 */
export class MessageInParts {
  readonly #parts: (Uint8Array | undefined)[] = Array.from({ length: partsOfMessage }, () => undefined)
  #metadata = Uint8Array.of(0)

  get parts(): MessageParts {
    return [...this.#parts]
  }

  /** The same array as long as nothing is new. */
  get metadata(): Uint8Array {
    return this.#metadata
  }

  add(parts: MessageParts): void {
    for (const [index, part] of parts.entries()) if (index < partsOfMessage) this.#parts[index] ??= part
    const bits = this.#parts.reduce((sum, part, index) => (part === undefined ? sum : sum | (1 << index)), 0)
    if (bits !== this.#metadata[0]) this.#metadata = Uint8Array.of(bits)
  }

  /** False when it makes no sense. */
  addEncoded(encoded: Uint8Array): boolean {
    const [inside] = encoded
    if (inside === undefined) return false
    const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength)
    const parts: (Uint8Array | undefined)[] = []
    let at = 1
    for (let index = 0; index < partsOfMessage; index++) {
      if ((inside & (1 << index)) === 0) continue
      if (encoded.length - at < lengthBytes) return false
      const length = view.getUint32(at)
      at += lengthBytes
      if (encoded.length - at < length) return false
      parts[index] = encoded.slice(at, at + length)
      at += length
    }
    this.add(parts)
    return true
  }

  /** What a peer lacks that says it has these. Undefined when that is nothing, or when it did not say. */
  encodedFor(theirs: Uint8Array | undefined): Uint8Array | undefined {
    if (theirs?.length !== 1) return undefined
    const missing = (this.#metadata[0] ?? 0) & ~(theirs[0] ?? 0)
    if (missing === 0) return undefined
    const pieces: Uint8Array[] = [Uint8Array.of(missing)]
    for (const [index, part] of this.#parts.entries()) {
      if ((missing & (1 << index)) === 0 || part === undefined) continue
      const length = Buffer.alloc(lengthBytes)
      length.writeUInt32BE(part.length)
      pieces.push(length, part)
    }
    return new Uint8Array(Buffer.concat(pieces))
  }
}
