import { PeerloomError } from '@peerloom/interface'
import { readVarint } from '@peerloom/quic-engine/quiche'
import { concat, varint } from './varint.ts'

const empty = new Uint8Array(0)

/**
 * Takes runs of type, length, payload apart, as HTTP/3 frames and capsules both are. Types that nobody asked for are skipped
 * whatever their length; the payload of the others is bounded.
 */
export class FrameReader {
  readonly #wanted: ReadonlySet<number>
  readonly #maxBytes: number
  readonly #onFrame: (type: number, payload: Uint8Array) => void
  #waiting: Uint8Array = empty
  #skip = 0

  constructor(wanted: readonly number[], maxBytes: number, onFrame: (type: number, payload: Uint8Array) => void) {
    this.#wanted = new Set(wanted)
    this.#maxBytes = maxBytes
    this.#onFrame = onFrame
  }

  /** Throws ERR_PROTOCOL_VIOLATION. */
  push(bytes: Uint8Array): void {
    let rest = bytes
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, rest.length)
      this.#skip -= skipped
      rest = rest.subarray(skipped)
    }
    if (rest.length === 0) return
    let input = this.#waiting.length === 0 ? rest : concat(this.#waiting, rest)
    this.#waiting = empty
    while (input.length > 0) {
      const [type, lengthAt] = readVarint(input, 0)
      const [length, payloadAt] = readVarint(input, lengthAt)
      if (type === undefined || length === undefined) break
      const isWanted = this.#wanted.has(type)
      if (isWanted && length > this.#maxBytes) throw violation(`a frame of ${length} bytes`)
      if (!isWanted) {
        const skipped = Math.min(length, input.length - payloadAt)
        this.#skip = length - skipped
        input = input.subarray(payloadAt + skipped)
        continue
      }
      if (input.length < payloadAt + length) break
      this.#onFrame(type, input.subarray(payloadAt, payloadAt + length))
      input = input.subarray(payloadAt + length)
    }
    if (input.length > 0) this.#waiting = input.slice()
  }
}

export const frame = (type: number, payload: Uint8Array): Uint8Array =>
  concat(varint(type), varint(payload.length), payload)

const violation = (what: string): PeerloomError =>
  new PeerloomError('ERR_PROTOCOL_VIOLATION', `HTTP/3: ${what}`, { remote: true })
