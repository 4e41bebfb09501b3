import { varintLength, writeVarint } from '@peerloom/bounded'
import { takeHeader } from './header-slab.ts'

/**
 * The low three bits of a header (mplex specification, Flag Values). A sender names the part it has in the stream, so
 * that both sides may use one id: who gets an odd flag has opened that stream itself.
 */
export const flag = {
  newStream: 0,
  messageReceiver: 1,
  messageInitiator: 2,
  closeReceiver: 3,
  closeInitiator: 4,
  resetReceiver: 5,
  resetInitiator: 6
} as const

/** Length and value of a header hold together: ids are what 2^53 leaves of three bits. */
const flags = 8

/** Header and length of a frame; the body follows. */
export function encodeHeader(flagBits: number, id: number, length: number): Uint8Array {
  const value = id * flags + flagBits
  const header = takeHeader(varintLength(value) + varintLength(length))
  writeVarint(header, writeVarint(header, 0, value), length)
  return header
}

/** What a frame of this stream takes at most besides its body. */
export const headerBytes = (id: number): number => varintLength(id * flags + flags - 1) + 3

/** What a parser tells of the bytes it is given. */
export interface FrameEvents {
  /** Returns whether the body that follows is wanted; it is skipped otherwise. */
  onHeader(flagBits: number, id: number, length: number): boolean
  /** A piece of the body of the frame under way. Answers how many of the bytes were not kept. */
  onBody(bytes: Uint8Array): number
  /** What came is no frame; nothing more is read. */
  onGarbage(what: string): void
}

/** Cuts inbound bytes into frames, wherever they are split; keeps and copies nothing. */
export class FrameParser {
  readonly #events: FrameEvents
  /** The header under way, -1 before it is complete. */
  #header = -1
  /** The varint under way: what it has come to, and what its next seven bits count. */
  #value = 0
  #factor = 1
  #left = 0
  #wanted = false
  #stopped = false

  constructor(events: FrameEvents) {
    this.#events = events
  }

  get isBetweenFrames(): boolean {
    return this.#left === 0 && this.#header < 0 && this.#factor === 1
  }

  /** Ends parsing, also in the middle of a chunk. */
  stop(): void {
    this.#stopped = true
  }

  /** Answers how many of the bytes were not kept. */
  push(chunk: Uint8Array): number {
    // Whoever passes the bytes on may see the last of their buffer, and of their length with it.
    const { length } = chunk
    let at = 0
    let kept = 0
    while (at < length && !this.#stopped) {
      if (this.#left > 0) {
        const end = Math.min(length, at + this.#left)
        this.#left -= end - at
        if (this.#wanted) {
          const body = at === 0 && end === length ? chunk : chunk.subarray(at, end)
          kept += body.length - this.#events.onBody(body)
        }
        at = end
        continue
      }
      const byte = chunk[at++] as number
      this.#value += (byte & 0x7f) * this.#factor
      if (byte >= 0x80) {
        this.#factor *= 128
        // Eight bytes hold all that a number can.
        if (this.#factor > Number.MAX_SAFE_INTEGER) this.#garbage('a varint over 2^53 - 1')
        continue
      }
      if (byte === 0 && this.#factor > 1) this.#garbage('a varint longer than needed')
      else if (this.#value > Number.MAX_SAFE_INTEGER) this.#garbage('a varint over 2^53 - 1')
      else this.#complete(this.#value)
      this.#value = 0
      this.#factor = 1
    }
    return length - kept
  }

  #complete(value: number): void {
    if (this.#header < 0) {
      this.#header = value
      return
    }
    const header = this.#header
    this.#header = -1
    this.#left = value
    this.#wanted = this.#events.onHeader(header % flags, Math.floor(header / flags), value)
  }

  #garbage(what: string): void {
    this.#stopped = true
    this.#events.onGarbage(what)
  }
}
