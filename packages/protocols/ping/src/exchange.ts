import {
  type ChannelReader,
  type Clock,
  PeerloomError,
  type RandomBytes,
  type Stream,
  type Timer
} from '@peerloom/interface'

const pingBytes = 32

/** Pings over one stream, one at a time. */
export class PingExchange implements ChannelReader {
  readonly transient = true
  readonly #stream: Stream
  readonly #random: RandomBytes
  readonly #clock: Clock
  #sent: Uint8Array | undefined
  #have = 0
  #sentAt = 0
  #timer: Timer | undefined
  #resolve: ((rttMs: number) => void) | undefined
  #reject: ((error: Error) => void) | undefined

  constructor(stream: Stream, random: RandomBytes, clock: Clock) {
    this.#stream = stream
    this.#random = random
    this.#clock = clock
    stream.attach(this)
  }

  /** Resolves with the round trip in ms. Rejects with ERR_TIMEOUT, ERR_PROTOCOL_VIOLATION or why the stream was lost. */
  ping(timeoutMs: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#timer = this.#clock.setTimeout(
        () =>
          this.#fail(new PeerloomError('ERR_TIMEOUT', `no answer to a ping within ${timeoutMs} ms`, { remote: true })),
        timeoutMs
      )
      const sent = this.#random(pingBytes)
      this.#sent = sent.slice() // what is sent belongs to the stream
      this.#have = 0
      this.#sentAt = performance.now()
      try {
        this.#stream.send(sent)
      } catch (error) {
        this.#fail(error as Error)
      }
    })
  }

  data(bytes: Uint8Array): void {
    const sent = this.#sent
    if (sent === undefined || this.#have + bytes.length > pingBytes) {
      this.#fail(new PeerloomError('ERR_PROTOCOL_VIOLATION', 'an answer without a ping', { remote: true }))
      return
    }
    for (const byte of bytes) {
      if (byte !== sent[this.#have++]) {
        this.#fail(new PeerloomError('ERR_PROTOCOL_VIOLATION', 'the answer is not what was sent', { remote: true }))
        return
      }
    }
    if (this.#have < pingBytes) return
    const resolve = this.#resolve
    this.#settle()
    resolve?.(performance.now() - this.#sentAt)
  }

  end(): void {
    this.#fail(new PeerloomError('ERR_UNEXPECTED_END', 'the remote ended the ping stream', { remote: true }))
  }

  closed(error?: Error): void {
    this.#fail(error ?? new PeerloomError('ERR_CHANNEL_CLOSED', 'the ping stream was closed'))
  }

  #settle(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#sent = undefined
    this.#resolve = undefined
    this.#reject = undefined
  }

  #fail(error: Error): void {
    const reject = this.#reject
    this.#settle()
    // Between two pings nobody waits: the next one is told why.
    this.#stream.abort(error)
    reject?.(error)
  }
}
