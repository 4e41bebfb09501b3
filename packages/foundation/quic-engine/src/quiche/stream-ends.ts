import type { Quiche } from './binding.ts'
import type { QuicheStream } from './stream.ts'

/** An end waits no longer than this for what may never come. */
const endTimeoutMs = 1000

/** What is known of a connection's packets. */
export interface Delivery {
  readonly now: number
  /** What was sent before this round has been acknowledged. */
  readonly acknowledgedRound: number
  /** After so long, what was sent has arrived, or was lost and has been repeated. */
  readonly quietMs: number
  /** Whether a packet was ever lost, or so much is under way that one may be. */
  readonly isLossy: boolean
}

/** The streams of a connection whose end waits for the acknowledgement of what was before it: see `QuicheStream.finish`. */
export class StreamEnds {
  readonly #quiche: Quiche
  readonly #waiting = new Set<QuicheStream>()

  constructor(quiche: Quiche) {
    this.#quiche = quiche
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  add(stream: QuicheStream): void {
    this.#waiting.add(stream)
  }

  /**
   * Called right before all that can leave does: nothing is to come between. Where packets are lost, an end waits for the
   * acknowledgement, which takes others up to 25 ms. Where none was yet, that would only hold up those who wait for the end, and
   * it goes at once, in a second packet again: those are given back.
   */
  write({ now, acknowledgedRound, quietMs, isLossy }: Delivery): readonly QuicheStream[] {
    const unsafe: QuicheStream[] = []
    for (const stream of this.#waiting) {
      const ageMs = now - stream.writtenAt
      const isSafe = stream.writtenRound < acknowledgedRound || ageMs >= quietMs
      if (!((isSafe || !isLossy) && this.#hasRoom(stream)) && ageMs < endTimeoutMs) continue
      this.#waiting.delete(stream)
      stream.sendEnd()
      if (!isSafe) unsafe.push(stream)
    }
    return unsafe
  }

  /** When it has to be looked at again, whatever happens. */
  nextAt(now: number, quietMs: number): number {
    let at = Infinity
    for (const { writtenAt } of this.#waiting) {
      const quietAt = writtenAt + quietMs
      at = Math.min(at, quietAt > now ? quietAt : writtenAt + endTimeoutMs)
    }
    return Math.max(at, now + 1)
  }

  #hasRoom({ streamId }: QuicheStream): boolean {
    try {
      return this.#quiche.streamCapacity(streamId) > 0
    } catch {
      return true // it is over: nothing is to be waited for
    }
  }
}
