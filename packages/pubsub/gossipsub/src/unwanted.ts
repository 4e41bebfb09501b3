import type { MessageId } from '@peerloom/pubsub'

/** The ids that a peer sent IDONTWANT for, and until which heartbeat that holds. */
export class Unwanted {
  // In order of expiry, since every entry is good for as many heartbeats.
  readonly #until = new Map<MessageId, number>()

  get size(): number {
    return this.#until.size
  }

  has(id: MessageId): boolean {
    return this.#until.has(id)
  }

  /** Over the bound, more is not remembered: the peer gets what it need not have. */
  add(id: MessageId, untilTick: number, max: number): void {
    if (!this.#until.delete(id) && this.#until.size >= max) return
    this.#until.set(id, untilTick)
  }

  delete(id: MessageId): void {
    this.#until.delete(id)
  }

  sweep(tick: number): void {
    for (const [id, until] of this.#until) {
      if (until > tick) return
      this.#until.delete(id)
    }
  }
}
