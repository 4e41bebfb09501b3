import { type Channel, type Clock, PeerloomError, systemClock } from '@peerloom/interface'
import { ChannelBase } from './channel-base.ts'
import { ChunkQueue } from './chunk-queue.ts'
import { nextTurn } from './end-of-turn.ts'

/** Bytes that one side takes before its reader has consumed any. */
const windowBytes = 256 * 1024

class PairedChannel extends ChannelBase {
  other!: PairedChannel
  readonly #outbound = new ChunkQueue()
  #scheduled = false
  #endQueued = false
  /** Bytes that the other side still takes before its reader has consumed some. */
  #credit = windowBytes

  protected override carry(bytes: Uint8Array): void {
    this.#outbound.push(bytes)
    this.queued(bytes.length)
    this.#schedule()
  }

  protected override carryEnd(): void {
    this.#endQueued = true
    this.#schedule()
  }

  protected override carryReset(): void {
    this.#outbound.clear()
    nextTurn(() => {
      this.other.remoteReset(new PeerloomError('ERR_CHANNEL_RESET', 'reset by the remote', { remote: true }))
    })
  }

  protected override consumed(bytes: number): void {
    const exhausted = this.other.#credit <= 0
    this.other.#credit += bytes
    if (exhausted && this.other.#credit > 0) this.other.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    nextTurn(() => {
      this.#scheduled = false
      this.#move()
    })
  }

  #move(): void {
    while (this.#credit > 0 && !this.isFinished) {
      const bytes = this.#outbound.shift()
      if (bytes === undefined) break
      this.#credit -= bytes.length
      this.other.deliver(bytes)
      this.dequeued(bytes.length)
    }
    if (this.isFinished || this.#outbound.length > 0 || !this.#endQueued) return
    this.#endQueued = false
    this.other.remoteEnd()
    this.writeFinished()
  }
}

/** Two ends of an in-process channel, with the back-pressure of a socket. For tests, simulations and the memory transport. */
export function channelPair(clock: Clock = systemClock): [Channel, Channel] {
  const one = new PairedChannel(clock)
  const two = new PairedChannel(clock)
  one.other = two
  two.other = one
  return [one, two]
}
