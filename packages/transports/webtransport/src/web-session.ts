import type { Clock } from '@peerloom/interface'
import { PeerloomError, toError } from '@peerloom/interface'
import type { EngineConnection, EngineConnectionEvents, EngineStream } from '@peerloom/quic-engine'
import { WebStream } from './web-stream.ts'

/** How long streams that were finished may take to leave. */
const finishTimeoutMs = 2000

/** What is used of a browser's WebTransport. */
export interface WebTransportLike {
  readonly ready: Promise<unknown>
  readonly closed: Promise<unknown>
  readonly incomingBidirectionalStreams: ReadableStream<WebTransportStreamPair>
  createBidirectionalStream(): Promise<WebTransportStreamPair>
  close(info?: { closeCode?: number; reason?: string }): void
}

export interface WebTransportStreamPair {
  readonly readable: ReadableStream
  readonly writable: WritableStream
}

/** A browser's WebTransport as a connection with streams of its own. */
export class WebSession implements EngineConnection {
  readonly rttMs: undefined
  readonly #session: WebTransportLike
  readonly #clock: Clock
  readonly #finishing = new Set<Promise<unknown>>()
  #events: EngineConnectionEvents | undefined = undefined
  #next = 0
  #closing = false

  constructor(session: WebTransportLike, clock: Clock) {
    this.#session = session
    this.#clock = clock
  }

  start(events: EngineConnectionEvents): void {
    this.#events = events
    this.#session.closed.then(
      () => this.#events?.closed(),
      (cause: unknown) => {
        const error = new PeerloomError('ERR_CONNECTION_CLOSED', `the session was lost: ${toError(cause).message}`, {
          cause,
          remote: true
        })
        this.#events?.closed(this.#closing ? undefined : error)
      }
    )
    void this.#accept()
  }

  async open(): Promise<EngineStream> {
    return this.#add(await this.#session.createBidirectionalStream(), 'out')
  }

  async close(): Promise<void> {
    if (!this.#closing && this.#finishing.size > 0) {
      this.#closing = true
      const late = new Promise<void>((resolve) => void this.#clock.setTimeout(resolve, finishTimeoutMs))
      await Promise.race([Promise.all(this.#finishing), late])
    }
    this.abort()
    await this.#session.closed.catch(() => {})
  }

  abort(): void {
    this.#closing = true
    try {
      this.#session.close({ closeCode: 0 })
    } catch {
      // It is closed already.
    }
  }

  async #accept(): Promise<void> {
    const reader = this.#session.incomingBidirectionalStreams.getReader()
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        this.#events?.stream(this.#add(next.value, 'in'))
      }
    } catch {
      // The session is over, which tells.
    }
  }

  #add(pair: WebTransportStreamPair, direction: 'in' | 'out'): WebStream {
    return new WebStream(`${direction}-${this.#next++}`, pair, (finishing) => {
      this.#finishing.add(finishing)
      void finishing.then(() => this.#finishing.delete(finishing))
    })
  }
}
