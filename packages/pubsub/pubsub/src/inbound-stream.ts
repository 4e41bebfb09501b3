import { type ChannelReader, PeerloomError, type Stream, toError } from '@peerloom/interface'
import { LengthPrefixedDecoder } from '@peerloom/streams'

export interface InboundHost {
  /** A frame, without its length. Throws for what is no RPC. */
  onFrame(frame: Uint8Array, stream: InboundStream): void
  onViolation(error: Error): void
  onEnd(stream: InboundStream): void
}

/** The stream that a peer sends on. It is read only while somebody takes what comes. */
export class InboundStream implements ChannelReader {
  readonly #stream: Stream
  readonly #host: InboundHost
  readonly #frames: LengthPrefixedDecoder
  readonly #onFrame: (frame: Uint8Array) => void
  #isRead = false
  /** Whether the first RPC has come. */
  hasBegun = false

  constructor(stream: Stream, host: InboundHost, maxBytes: number) {
    this.#stream = stream
    this.#host = host
    this.#frames = new LengthPrefixedDecoder({ maxBytes })
    this.#onFrame = (frame) => host.onFrame(frame, this)
  }

  read(): void {
    if (this.#isRead) this.#stream.resume()
    else {
      this.#isRead = true
      this.#stream.attach(this)
    }
  }

  pause(): void {
    this.#stream.pause()
  }

  abort(error: Error): void {
    this.#stream.abort(error)
  }

  data(bytes: Uint8Array): void {
    try {
      this.#frames.push(bytes, this.#onFrame)
    } catch (error) {
      this.#host.onViolation(toError(error))
      throw error
    }
  }

  end(): void {
    if (this.#frames.pendingBytes > 0) {
      this.abort(new PeerloomError('ERR_UNEXPECTED_END', 'pubsub: the remote ended inside an RPC', { remote: true }))
      return
    }
    // Nothing is ever sent on it: its other direction ends with this one.
    this.#stream.close().catch(() => {})
  }

  closed(): void {
    this.#host.onEnd(this)
  }
}
