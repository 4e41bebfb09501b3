import { type Clock, PeerloomError } from '@peerloom/interface'
import type { EngineConnection, EngineConnectionEvents, EngineStream } from '@peerloom/quic-engine'
import type { AddonConnection, AddonStream } from './quinn-addon.ts'
import { QuinnStream, type QuinnStreamHost } from './quinn-stream.ts'

/** After so long, whatever was written has arrived or never will. */
const settledMs = 5000
/** What a round trip takes on top: delayed acknowledgements, and the probe that replaces a lost packet. */
const quietMarginMs = 40
const deliveryTimeoutMs = 5000

export class QuinnConnection implements EngineConnection, QuinnStreamHost {
  readonly #connection: AddonConnection
  readonly #clock: Clock
  /** Called once, when nothing of the connection is needed any more; its result is part of `close`. */
  readonly #release: () => Promise<void> | undefined
  readonly #streams = new Set<QuinnStream>()
  #events: EngineConnectionEvents | undefined = undefined
  #lastWrite = Number.NEGATIVE_INFINITY
  #closing = false
  #over = false
  #released: Promise<void> | undefined = undefined

  constructor(connection: AddonConnection, clock: Clock, release: () => Promise<void> | undefined) {
    this.#connection = connection
    this.#clock = clock
    this.#release = release
  }

  get rttMs(): number {
    return this.#connection.rtt()
  }

  start(events: EngineConnectionEvents): void {
    this.#events = events
    this.#accept()
  }

  async open(): Promise<EngineStream> {
    return this.#add(await this.#connection.outboundStream())
  }

  async close(): Promise<void> {
    if (this.#closing || this.#over) return this.#released
    this.#closing = true
    await this.#delivered()
    this.abort()
    await this.#released
  }

  abort(): void {
    if (this.#released !== undefined) return
    this.#closing = true
    this.#connection.abort()
    this.#released = this.#release() ?? Promise.resolve()
  }

  wrote(): void {
    this.#lastWrite = this.#clock.now()
  }

  forget(stream: QuinnStream): void {
    this.#streams.delete(stream)
  }

  #accept(): void {
    this.#connection.inboundStream().then(this.#onStream, this.#onOver)
  }

  readonly #onStream = (stream: AddonStream): void => {
    if (this.#over) return
    this.#events?.stream(this.#add(stream))
    this.#accept()
  }

  readonly #onOver = (cause: Error): void => {
    if (this.#over) return
    this.#over = true
    this.abort()
    for (const stream of [...this.#streams]) stream.connectionOver(cause)
    this.#events?.closed(reasonOf(cause))
  }

  #add(stream: AddonStream): QuinnStream {
    const added = new QuinnStream(stream, this)
    this.#streams.add(added)
    return added
  }

  /**
   * The addon ends a connection at once, and does not tell what was acknowledged. What was lost is sent again within about a
   * round trip: when no STREAM frame has left for longer, all have arrived.
   */
  async #delivered(): Promise<void> {
    const clock = this.#clock
    const started = clock.now()
    if (started - this.#lastWrite > settledMs) return
    let frames = this.#connection.stats().frameTxStream
    let since = this.#lastWrite
    for (;;) {
      const quietMs = 2 * this.rttMs + quietMarginMs
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, quietMs / 4))
      const now = clock.now()
      const sent = this.#connection.stats().frameTxStream
      if (sent !== frames) since = now
      frames = sent
      if (this.#over || now - since >= quietMs || now - started >= deliveryTimeoutMs) return
    }
  }
}

/** Why it ended, in the terms of errors; undefined for an orderly end, which is code 0 of either side. */
function reasonOf({ message }: Error): PeerloomError | undefined {
  if (message === 'closed' || message === 'closed by peer: 0') return undefined
  if (message === 'timed out') {
    return new PeerloomError('ERR_TIMEOUT', 'the remote does not answer any more', { remote: true })
  }
  return new PeerloomError('ERR_CONNECTION_CLOSED', `the connection was lost: ${message}`, { remote: true })
}
