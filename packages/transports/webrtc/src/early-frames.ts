import type { Frame } from './frame.ts'

/** Messages that may have overtaken others: a thread that was stopped at the wrong moment holds one back while others come. */
const maxFrames = 4096

/** Messages that came before those which belong before them. */
export class EarlyFrames {
  readonly #frames = new Map<number, Frame>()
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** False when there is too much, or one of this position is there. */
  add(position: number, frame: Frame): boolean {
    this.#bytes += payloadLength(frame)
    const fits = this.#bytes <= this.#maxBytes && this.#frames.size < maxFrames
    if (!fits || this.#frames.has(position)) return false
    this.#frames.set(position, frame)
    return true
  }

  /** The one whose turn it is, if it is there. */
  take(position: number): Frame | undefined {
    const frame = this.#frames.get(position)
    if (frame === undefined) return undefined
    this.#frames.delete(position)
    this.#bytes -= payloadLength(frame)
    return frame
  }

  get isEmpty(): boolean {
    return this.#frames.size === 0
  }
}

const payloadLength = ({ message }: Frame): number => message?.length ?? 0
