import type { RtcChannel, RtcChannelEvents } from './engine-interface.ts'

/** What a remote may still say, all its channels together, before the handshake is over. */
export interface EarlyAllowance {
  messages: number
  bytes: number
}

/** For whoever has dialled us, and may be anybody: as much as SCTP lets one send that is not acknowledged. */
const strangerBytes = 1024 * 1024
/** Small messages take more than their bytes. */
const bytesPerMessage = 256

/** One that is through with the handshake before us goes on at once: so much is taken of those that we know, or have dialled. */
export function earlyAllowance(stranger: boolean, maxBufferedBytes: number): EarlyAllowance {
  const bytes = stranger ? Math.min(strangerBytes, maxBufferedBytes) : maxBufferedBytes
  return { bytes, messages: Math.ceil(bytes / bytesPerMessage) }
}

/** Holds what comes on a channel that opened before the handshake was over. */
export class EarlyChannel implements RtcChannelEvents {
  readonly channel: RtcChannel
  readonly #allowance: EarlyAllowance
  #messages: Uint8Array[] = []
  #closed = false

  constructor(channel: RtcChannel, allowance: EarlyAllowance) {
    this.channel = channel
    this.#allowance = allowance
    channel.attach(this)
  }

  onOpen(): void {}

  onLow(): void {}

  onMessage(bytes: Uint8Array): void {
    if (this.#closed) return
    this.#allowance.messages--
    this.#allowance.bytes -= bytes.length
    if (this.#allowance.messages < 0 || this.#allowance.bytes < 0) {
      this.#messages = []
      this.#closed = true
      this.channel.close()
    } else this.#messages.push(bytes)
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
