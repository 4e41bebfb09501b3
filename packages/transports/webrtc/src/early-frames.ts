import type { Frame } from './frame.ts'

/** Messages that may have overtaken others: a thread that was stopped at the wrong moment holds one back while others come. */
const maxFrames = 4096

/** Messages that came before those which belong before them. */
export class EarlyFrames {
  readonly #frames = new Map<number, Frame>()

  /** False when there are too many, or one of this position is there. */
  add(position: number, frame: Frame): boolean {
    if (this.#frames.size >= maxFrames || this.#frames.has(position)) return false
    this.#frames.set(position, frame)
    return true
  }

  /** The one whose turn it is, if it is there. */
  take(position: number): Frame | undefined {
    const frame = this.#frames.get(position)
    if (frame !== undefined) this.#frames.delete(position)
    return frame
  }

  get isEmpty(): boolean {
    return this.#frames.size === 0
  }
}
