import {
  type AbortOptions,
  type ChannelReader,
  type Clock,
  PeerloomError,
  type RandomBytes,
  type Stream,
  systemClock,
  type Timer,
  toError
} from '@peerloom/interface'

const pingBytes = 32

/** A ping under way. It stays in line when its caller has given up: its answer still comes. */
interface Sent {
  readonly bytes: Uint8Array
  readonly at: number
  timer: Timer | undefined
  resolve(rttMs: number): void
  reject(error: Error): void
}

export interface PingExchangeOptions {
  readonly clock: Clock
  readonly random: RandomBytes
  /** Called once, when no ping can go over the stream any more. */
  onOver(): void
}

/** Pings over one stream, whose answers come in the order of the pings. */
export class PingExchange implements ChannelReader {
  readonly transient = true
  readonly #stream: Stream
  readonly #options: PingExchangeOptions
  readonly #now: () => number
  readonly #sent: Sent[] = []
  /** Bytes of the first answer that have come. */
  #have = 0
  #isOver = false
  /** Why it is over, unless it was closed. */
  #error: Error | undefined

  constructor(stream: Stream, options: PingExchangeOptions) {
    this.#stream = stream
    this.#options = options
    // The machine's clock counts whole milliseconds, and a round trip may take less than one.
    this.#now = options.clock === systemClock ? () => performance.now() : () => options.clock.now()
    stream.attach(this)
  }

  /** Resolves with the round trip in ms. Rejects with ERR_TIMEOUT, ERR_PROTOCOL_VIOLATION or why the stream was lost. */
  ping(timeoutMs: number, { signal }: AbortOptions = {}): Promise<number> {
    if (this.#isOver) return Promise.reject(this.#error ?? givenUp())
    if (signal?.aborted === true) return Promise.reject(toError(signal.reason))
    return new Promise((resolve, reject) => {
      const bytes = this.#options.random(pingBytes)
      const sent: Sent = { bytes, at: this.#now(), timer: undefined, resolve, reject }
      sent.timer = this.#options.clock.setTimeout(
        () => this.#fail(new PeerloomError('ERR_TIMEOUT', `no answer to a ping in ${timeoutMs} ms`, { remote: true })),
        timeoutMs
      )
      if (signal !== undefined) this.#watch(sent, signal)
      this.#sent.push(sent)
      try {
        this.#stream.send(bytes.slice()) // what is sent belongs to the stream
      } catch (error) {
        this.#fail(toError(error))
      }
    })
  }

  /** A stream with nothing under way is ended, any other reset: its answer may never come. */
  close(): void {
    if (this.#isOver) return
    if (this.#sent.length > 0) {
      this.#fail(givenUp())
      return
    }
    this.#over()
    // A courtesy: the round trip is measured.
    this.#stream.close().catch(() => {})
  }

  data(bytes: Uint8Array): void {
    if (bytes.length > this.#sent.length * pingBytes - this.#have) {
      this.#fail(new PeerloomError('ERR_PROTOCOL_VIOLATION', 'an answer without a ping', { remote: true }))
      return
    }
    for (let at = 0; at < bytes.length; at++) {
      const first = this.#sent[0] as Sent
      if (bytes[at] !== first.bytes[this.#have++]) {
        this.#fail(new PeerloomError('ERR_PROTOCOL_VIOLATION', 'the answer is not what was sent', { remote: true }))
        return
      }
      if (this.#have === pingBytes) this.#answered(first)
    }
  }

  end(): void {
    this.#fail(new PeerloomError('ERR_UNEXPECTED_END', 'the remote ended the ping stream', { remote: true }))
  }

  closed(error?: Error): void {
    this.#fail(error ?? new PeerloomError('ERR_CHANNEL_CLOSED', 'the ping stream was closed'))
  }

  #answered(sent: Sent): void {
    this.#have = 0
    this.#sent.shift()
    this.#options.clock.clearTimeout(sent.timer)
    sent.resolve(this.#now() - sent.at)
  }

  #watch(sent: Sent, signal: AbortSignal): void {
    const { resolve, reject } = sent
    const onAbort = (): void => {
      this.#options.clock.clearTimeout(sent.timer)
      reject(toError(signal.reason))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    sent.resolve = (rttMs) => {
      signal.removeEventListener('abort', onAbort)
      resolve(rttMs)
    }
    sent.reject = (error) => {
      signal.removeEventListener('abort', onAbort)
      reject(error)
    }
  }

  #fail(error: Error): void {
    if (this.#isOver) return
    this.#error = error
    this.#over()
    this.#stream.abort(error)
    for (const sent of this.#sent.splice(0)) {
      this.#options.clock.clearTimeout(sent.timer)
      sent.reject(error)
    }
  }

  #over(): void {
    this.#isOver = true
    this.#options.onOver()
  }
}

const givenUp = (): Error => new PeerloomError('ERR_ABORTED', 'the ping was given up')
