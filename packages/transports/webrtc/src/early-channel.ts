import type { RtcChannel, RtcChannelEvents } from './engine-interface.ts'

/** What a remote may say on a channel that it opened before we know who it is: the name of a protocol, and a little more. */
const maxMessages = 64
const maxBytes = 64 * 1024

/** Holds what comes on a channel that opened before the handshake was over. */
export class EarlyChannel implements RtcChannelEvents {
  readonly channel: RtcChannel
  #messages: Uint8Array[] = []
  #bytes = 0
  #closed = false

  constructor(channel: RtcChannel) {
    this.channel = channel
    channel.attach(this)
  }

  onOpen(): void {}

  onLow(): void {}

  onMessage(bytes: Uint8Array): void {
    this.#bytes += bytes.length
    if (this.#bytes > maxBytes || this.#messages.length >= maxMessages) {
      this.#messages = []
      this.#closed = true
      this.channel.close()
      return
    }
    if (!this.#closed) this.#messages.push(bytes)
  }

  onClosed(): void {
    this.#closed = true
  }

  /** Tells the one that has taken over what it missed. */
  replay(events: RtcChannelEvents): void {
    for (const message of this.#messages) events.onMessage(message)
    this.#messages = []
    if (this.#closed) events.onClosed()
  }
}
