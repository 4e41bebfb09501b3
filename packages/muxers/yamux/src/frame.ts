/** The 12-byte header: version, type, flags (16), stream id (32), length (32), big-endian (yamux specification, Framing). */
export const headerBytes = 12

export const frameType = { data: 0, windowUpdate: 1, ping: 2, goAway: 3 } as const
export const flag = { syn: 1, ack: 2, fin: 4, rst: 8 } as const
export const allFlags = 15
export const goAwayCode = { normal: 0, protocolError: 1, internalError: 2 } as const

export function writeHeader(
  target: Uint8Array,
  at: number,
  type: number,
  flags: number,
  id: number,
  length: number
): void {
  target[at] = 0
  target[at + 1] = type
  target[at + 2] = flags >> 8
  target[at + 3] = flags
  target[at + 4] = id >>> 24
  target[at + 5] = id >>> 16
  target[at + 6] = id >>> 8
  target[at + 7] = id
  target[at + 8] = length >>> 24
  target[at + 9] = length >>> 16
  target[at + 10] = length >>> 8
  target[at + 11] = length
}

const uint32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)) >>>
  0

/** What a parser tells of the bytes it is given. */
export interface FrameEvents {
  /** Returns whether the body that follows a data frame is wanted; it is skipped otherwise. */
  onHeader(version: number, type: number, flags: number, streamId: number, length: number): boolean
  /** A piece of the body of the data frame under way. Answers how many of the bytes were not kept. */
  onBody(bytes: Uint8Array): number
  /** The body under way is complete. */
  onBodyEnd(): void
}

/** Cuts inbound bytes into frames, wherever they are split; keeps and copies nothing but a split header. */
export class FrameParser {
  readonly #events: FrameEvents
  #split: Uint8Array | undefined
  #have = 0
  #left = 0
  #wanted = false
  #stopped = false

  constructor(events: FrameEvents) {
    this.#events = events
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
        if (this.#left === 0 && this.#wanted && !this.#stopped) this.#events.onBodyEnd()
        continue
      }
      if (this.#have === 0 && length - at >= headerBytes) {
        this.#header(chunk, at)
        at += headerBytes
        continue
      }
      this.#split ??= new Uint8Array(headerBytes)
      const count = Math.min(headerBytes - this.#have, length - at)
      this.#split.set(chunk.subarray(at, at + count), this.#have)
      this.#have += count
      at += count
      if (this.#have < headerBytes) break
      this.#have = 0
      this.#header(this.#split, 0)
    }
    return length - kept
  }

  #header(bytes: Uint8Array, at: number): void {
    const type = bytes[at + 1] as number
    const flags = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)
    const length = uint32(bytes, at + 8)
    this.#wanted = this.#events.onHeader(bytes[at] as number, type, flags, uint32(bytes, at + 4), length)
    if (type !== frameType.data || this.#stopped) return
    this.#left = length
    if (length === 0 && this.#wanted) this.#events.onBodyEnd()
  }
}
