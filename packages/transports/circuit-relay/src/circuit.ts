import { type Channel, type ChannelReader, type Clock, PeerloomError, type Timer } from '@peerloom/interface'
import { lastUse } from '@peerloom/streams'

export interface CircuitLimits {
  /** Bytes that pass in each direction; Infinity for no limit. */
  readonly bytes: number
  /** Infinity for no limit. */
  readonly durationMs: number
}

export interface CircuitOptions {
  readonly clock: Clock
  readonly limits: CircuitLimits
  /** Both channels are over. Called once; `error` says why, unless both ended in good order. */
  onOver(error: Error | undefined): void
}

/** How long the last bytes under the limit may take to leave, and how often that is looked at. */
const partingMs = 5000
const partingCheckMs = 20

const channelOver = (channel: Channel): boolean => channel.status === 'closed' || channel.status === 'reset'

/**
 * Two channels joined: what arrives on one leaves on the other, within limits. Bytes are handed on as they are, and a side
 * that does not take them holds the other one back; ends and resets pass through.
 */
export class Circuit {
  readonly startedAt: number
  readonly #options: CircuitOptions
  readonly #forth: Direction
  readonly #back: Direction
  #timer: Timer | undefined
  #error: Error | undefined
  #open = 2

  constructor(one: Channel, two: Channel, options: CircuitOptions) {
    const { limits } = options
    this.#options = options
    this.startedAt = options.clock.now()
    this.#forth = new Direction(this, one, two, limits.bytes)
    this.#back = new Direction(this, two, one, limits.bytes)
  }

  /** Takes over both channels. */
  start(): void {
    const { clock, limits } = this.#options
    if (limits.durationMs < Infinity) {
      this.#timer = clock.setTimeout(
        () => this.abort(new PeerloomError('ERR_LIMIT', `a circuit lasts ${limits.durationMs} ms`)),
        limits.durationMs
      )
    }
    this.#forth.from.attach(this.#forth)
    this.#back.from.attach(this.#back)
  }

  /** Bytes that went from the first channel to the second, and the other way. */
  get passed(): readonly [number, number] {
    return [this.#forth.passed, this.#back.passed]
  }

  /** Ends both sides at once. */
  abort(error: Error): void {
    this.#error ??= error
    this.#forth.from.abort(error)
    this.#back.from.abort(error)
  }

  /** One of the channels is over. */
  channelClosed(error: Error | undefined): void {
    const left = --this.#open
    // Ending the other one comes back here before this returns.
    if (error !== undefined) this.abort(error)
    if (left > 0) return
    this.#options.clock.clearTimeout(this.#timer)
    this.#options.onOver(this.#error)
  }

  /** A direction has passed all it may. What it passed is still to leave; then the circuit is over. */
  exhausted(to: Channel, limit: number): void {
    if (this.#error !== undefined) return
    this.#error = new PeerloomError('ERR_LIMIT', `a circuit carries ${limit} bytes in one direction`)
    const { clock } = this.#options
    const giveUpAt = clock.now() + partingMs
    const check = (): void => {
      const left = to.queuedBytes > 0 && clock.now() < giveUpAt && !channelOver(to)
      if (left) this.#timer = clock.setTimeout(check, partingCheckMs)
      else this.abort(this.#error as Error)
    }
    clock.clearTimeout(this.#timer)
    this.#timer = clock.setTimeout(check, 0)
  }
}

/** One way through a circuit: reads one channel and writes the other. */
class Direction implements ChannelReader {
  readonly from: Channel
  passed = 0
  readonly #circuit: Circuit
  readonly #to: Channel
  readonly #limit: number
  #exhausted = false

  constructor(circuit: Circuit, from: Channel, to: Channel, limit: number) {
    this.#circuit = circuit
    this.from = from
    this.#to = to
    this.#limit = limit
  }

  data(bytes: Uint8Array): void {
    const left = this.#limit - this.passed
    if (bytes.length <= left) {
      this.passed += bytes.length
      // It throws when the other side was lost, and that ends this side as well.
      if (!this.#to.send(lastUse(bytes))) this.from.pause()
      return
    }
    this.from.pause()
    if (this.#exhausted) return
    this.#exhausted = true
    this.passed = this.#limit
    if (left > 0) this.#to.send(bytes.subarray(0, left))
    this.#circuit.exhausted(this.#to, this.#limit)
  }

  end(): void {
    // What is queued leaves before the end does. A remote that does not take it is another direction's, or the limit's, affair.
    this.#to.closeWrite().catch(() => {})
  }

  closed(error?: Error): void {
    this.#circuit.channelClosed(error)
  }

  /** This channel takes bytes again: the other direction, which writes it, may go on reading. */
  drain(): void {
    this.#to.resume()
  }
}
