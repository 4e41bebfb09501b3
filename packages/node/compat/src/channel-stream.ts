import type { AbortOptions } from '@libp2p/interface'
import { AbstractStream, type AbstractStreamInit, type SendResult } from '@libp2p/utils'
import { type Channel, type ChannelReader, isPeerloomError } from '@peerloom/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

/** One of our channels as a js-libp2p stream: a stream of a muxer, or a secured connection. */
export class ChannelStream extends AbstractStream implements ChannelReader {
  /** Called once, when our channel is over. */
  onOver: (() => void) | undefined = undefined
  readonly #channel: Channel
  #held = false

  constructor(channel: Channel, init: AbstractStreamInit) {
    super(init)
    this.#channel = channel
    channel.attach(this)
  }

  /**
   * Gives the channel back, with what was received and not read, when nothing waits to be sent: one layer of ours on
   * another needs no js-libp2p in between. Undefined when that is not possible.
   */
  release(): Channel | undefined {
    if (this.status !== 'open' || this.writeBuffer.byteLength > 0 || this.readStatus !== 'readable') return undefined
    this.#channel.attach(undefined)
    const unread = this.readBuffer.subarray()
    this.readBuffer.consume(this.readBuffer.byteLength)
    this.#channel.unshift(unread)
    return this.#channel
  }

  // What our channel calls.

  /**
   * While nobody listens, all but the first chunk stays with our channel, which holds the remote back and keeps the
   * chunks apart; js-libp2p would join them, and end the stream at 4 MiB.
   */
  data(bytes: Uint8Array): void {
    this.onData(bytes)
    if (this.readBuffer.byteLength === 0 || this.readStatus !== 'readable' || this.#held) return
    this.#held = true
    this.#channel.pause()
  }

  end(): void {
    this.onRemoteCloseWrite()
  }

  closed(error?: Error): void {
    this.#tell(error)
    this.onOver?.()
  }

  #tell(error: Error | undefined): void {
    if (error === undefined || isPeerloomError(error, 'ERR_CHANNEL_CLOSED')) this.onTransportClosed()
    else if (isPeerloomError(error, 'ERR_CONNECTION_CLOSED') && this.remoteWriteStatus === 'closed') {
      this.onTransportClosed()
    } else if (isPeerloomError(error, 'ERR_CHANNEL_RESET') && error.remote) this.onRemoteReset()
    else this.onTransportClosed(error)
  }

  drain(): void {
    this.safeDispatchEvent('drain')
  }

  // What the base class calls.

  sendData(data: Uint8ArrayList): SendResult {
    let sentBytes = 0
    let canSendMore = this.#channel.writable
    for (const bytes of data) {
      if (!canSendMore) break
      sentBytes += bytes.byteLength
      canSendMore = this.#channel.send(bytes)
    }
    return { sentBytes, canSendMore }
  }

  sendReset(error: Error): void {
    this.#channel.abort(error)
  }

  sendPause(): void {
    this.#channel.pause()
  }

  sendResume(): void {
    if (!this.#held) this.#channel.resume()
  }

  /** Waits for data to leave, as they do, but not for the end behind it: it goes with this turn of the event loop. */
  async sendCloseWrite(options?: AbortOptions): Promise<void> {
    const waits = this.#channel.queuedBytes > 0
    const left = this.#channel.closeWrite(options)
    if (waits) await left
    else left.catch(() => {}) // `closed` tells
  }

  /** No muxer of ours has a frame for it: what still comes is taken and dropped, so it costs the remote its credit. */
  async sendCloseRead(options?: AbortOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    this.#takeOn()
  }

  protected override dispatchReadBuffer(): void {
    super.dispatchReadBuffer()
    if (this.readBuffer.byteLength === 0 && this.readStatus !== 'paused') this.#takeOn()
  }

  #takeOn(): void {
    if (!this.#held) return
    this.#held = false
    this.#channel.resume()
  }
}
