import { type ChannelReader, PeerloomError, type Stream, toError } from '@peerloom/interface'
import { LengthPrefixedDecoder } from '@peerloom/streams'
import type { Worker, WorkTurns } from './work-turns.ts'

export interface InboundHost {
  /** A frame, without its length. Throws for what is no RPC. */
  onFrame(frame: Uint8Array, stream: InboundStream): void
  onViolation(error: Error): void
  onEnd(stream: InboundStream): void
}

const nothing = new Uint8Array(0)

/** The stream that a peer sends on. It is read only while somebody takes what comes. */
export class InboundStream implements ChannelReader, Worker {
  readonly #stream: Stream
  readonly #host: InboundHost
  readonly #turns: WorkTurns
  readonly #frames: LengthPrefixedDecoder
  readonly #onFrame: (frame: Uint8Array) => boolean
  #isAttached = false
  /** Somebody takes what comes. */
  #isRead = false
  /** Whether the first RPC has come. */
  hasBegun = false

  constructor(stream: Stream, host: InboundHost, turns: WorkTurns, maxBytes: number) {
    this.#stream = stream
    this.#host = host
    this.#turns = turns
    this.#frames = new LengthPrefixedDecoder({ maxBytes })
    this.#onFrame = (frame) => {
      host.onFrame(frame, this)
      return this.#turns.admits(this)
    }
  }

  read(): void {
    this.#isRead = true
    if (this.#isAttached) this.goOn()
    else {
      this.#isAttached = true
      this.#stream.attach(this)
    }
  }

  pause(): void {
    this.#isRead = false
    this.#stream.pause()
  }

  goOn(): void {
    if (this.#isRead && this.#push(nothing)) this.#stream.resume()
  }

  abort(error: Error): void {
    this.#stream.abort(error)
  }

  data(bytes: Uint8Array): void {
    if (!this.#turns.admits(this)) {
      this.#stream.pause()
      this.#stream.unshift(bytes)
    } else if (!this.#push(bytes)) this.#stream.pause()
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

  /** False when the turn is over before the bytes are. */
  #push(bytes: Uint8Array): boolean {
    try {
      return this.#frames.push(bytes, this.#onFrame)
    } catch (error) {
      const reason = toError(error)
      this.#host.onViolation(reason)
      this.abort(reason)
      return true
    }
  }
}
