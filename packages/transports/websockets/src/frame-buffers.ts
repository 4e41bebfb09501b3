/** Payload of one frame that we send, at most: a flush of more becomes several. */
export const maxSentFrameBytes: number = 128 * 1024
/** Payload begins at a multiple of 4, so that it is masked by words; the header ends there. */
export const payloadStart = 16
/** Below this a buffer of its own is cheaper than a large one. */
const smallBytes = 4096
const maxSpare = 16

/**
 * Buffers to mask frames in: what is sent may not be changed, it can be on its way to others as well. Large ones are used
 * again when the socket is done with them.
 */
export class FrameBuffers {
  readonly #spare: Uint8Array[] = []

  /** One in which payload is to begin at `payloadStart`. */
  take(payloadBytes: number): Uint8Array {
    if (payloadBytes <= smallBytes) return new Uint8Array(payloadStart + payloadBytes)
    return this.#spare.pop() ?? new Uint8Array(payloadStart + maxSentFrameBytes)
  }

  give(buffer: Uint8Array): void {
    if (buffer.length === payloadStart + maxSentFrameBytes && this.#spare.length < maxSpare) this.#spare.push(buffer)
  }
}
