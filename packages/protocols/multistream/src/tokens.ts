import { readVarint, varintLength, writeVarint } from '@peerloom/bounded'
import { PeerloomError } from '@peerloom/interface'

/** Longest token that is read, in bytes, its newline included; go's limit. */
const maxTokenBytes = 1024
const newline = 10

const utf8 = new TextEncoder()
const text = new TextDecoder()

/** One token on the wire: unsigned varint length, the text, a newline (connections/README.md, multistream-select). */
export function encodeToken(token: string): Uint8Array {
  const body = utf8.encode(token)
  const length = body.length + 1
  if (length > maxTokenBytes) {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `protocol id of ${body.length} bytes, at most ${maxTokenBytes - 1}`)
  }
  const head = varintLength(length)
  const bytes = new Uint8Array(head + length)
  writeVarint(bytes, 0, length)
  bytes.set(body, head)
  bytes[bytes.length - 1] = newline
  return bytes
}

/** Cuts inbound bytes into tokens. Holds at most one incomplete token. */
export class TokenDecoder {
  #held: Uint8Array | undefined

  /** What came after the last token; call it when negotiation is over. */
  takeRest(): Uint8Array | undefined {
    const rest = this.#held
    this.#held = undefined
    return rest
  }

  push(bytes: Uint8Array): void {
    if (this.#held === undefined) {
      this.#held = bytes
      return
    }
    const joined = new Uint8Array(this.#held.length + bytes.length)
    joined.set(this.#held)
    joined.set(bytes, this.#held.length)
    this.#held = joined
  }

  /** The next token without its newline; undefined when it is not complete. */
  next(): string | undefined {
    const held = this.#held
    if (held === undefined) return undefined
    const length = readVarint(held, 0)
    if (length < 0) return undefined
    if (length > maxTokenBytes || length === 0) {
      throw new PeerloomError('ERR_MESSAGE_TOO_LARGE', `multistream token of ${length} bytes`, { remote: true })
    }
    const start = varintLength(length)
    const end = start + length
    if (held.length < end) return undefined
    if (held[end - 1] !== newline) {
      throw new PeerloomError('ERR_PROTOCOL_VIOLATION', 'multistream token without a newline', { remote: true })
    }
    this.#held = held.length === end ? undefined : held.subarray(end)
    return text.decode(held.subarray(start, end - 1))
  }
}
