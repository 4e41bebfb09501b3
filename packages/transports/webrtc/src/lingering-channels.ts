import type { Clock, Timer } from '@peerloom/interface'
import type { RtcChannel } from './engine-interface.ts'

/** How long the remote may take to close a channel that is over. */
const lingerMs = 1000

/**
 * Channels that are over for us and that the remote is to close, as it does when it has read what we said last: some lose that
 * when the channel closes right behind it, and an engine hears only of what the remote has closed that its id is free again.
 */
export class LingeringChannels {
  readonly #clock: Clock
  /** Until when each may stay, the first one first. */
  readonly #until = new Map<RtcChannel, number>()
  #timer: Timer | undefined = undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(channel: RtcChannel): void {
    this.#until.set(channel, this.#clock.now() + lingerMs)
    this.#timer ??= this.#clock.setTimeout(this.#onTimer, lingerMs)
  }

  /** The remote has closed it. */
  delete(channel: RtcChannel): void {
    if (this.#until.delete(channel) && this.#until.size === 0) this.clear()
  }

  clear(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#until.clear()
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined
    const now = this.#clock.now()
    for (const [channel, until] of this.#until) {
      if (until > now) {
        this.#timer = this.#clock.setTimeout(this.#onTimer, until - now)
        return
      }
      this.#until.delete(channel)
      channel.close()
    }
  }
}
