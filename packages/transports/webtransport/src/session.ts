import { PeerloomError } from '@peerloom/interface'
import type { EngineConnection, EngineConnectionEvents, EngineStream } from '@peerloom/quic-engine'
import type { QuicheConnection } from '@peerloom/quic-engine/quiche'
import { closeCapsule } from './capsules.ts'
import { frame } from './frame-reader.ts'
import { frameType, h3Error, webTransportBidi } from './h3-constants.ts'
import { SessionStream } from './session-stream.ts'
import { concat, varint } from './varint.ts'

/**
 * Streams that wait until somebody takes the session; others are reset. The remote is through with the handshake first, and may
 * open as many as it is allowed to: QUIC bounds those, and what they hold.
 */
const maxWaiting = 256

/** A WebTransport session, the only one on its connection: once taken, a connection with streams of its own. */
export class WebTransportSession implements EngineConnection {
  readonly #connection: QuicheConnection
  readonly #request: EngineStream
  readonly #head: Uint8Array
  #events: EngineConnectionEvents | undefined = undefined
  #waiting: SessionStream[] = []
  #first: { resolve(stream: SessionStream): void; reject(error: Error): void } | undefined = undefined
  #closing = false
  #over = false

  constructor(connection: QuicheConnection, request: EngineStream, id: number) {
    this.#connection = connection
    this.#request = request
    this.#head = concat(varint(webTransportBidi), varint(id))
  }

  get rttMs(): number | undefined {
    return this.#connection.rttMs
  }

  /** The first stream that the remote opens: its handshake. Called once, before `start`. */
  firstStream(): Promise<SessionStream> {
    const stream = this.#waiting.shift()
    if (stream !== undefined) return Promise.resolve(stream)
    if (this.#over) return Promise.reject(gone())
    return new Promise((resolve, reject) => {
      this.#first = { resolve, reject }
    })
  }

  start(events: EngineConnectionEvents): void {
    this.#events = events
    for (const stream of this.#waiting.splice(0)) events.stream(stream)
    if (this.#over) events.closed()
  }

  async open(): Promise<EngineStream> {
    return new SessionStream(await this.#connection.open(), this.#head)
  }

  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true
      // A good-bye, which waits behind nothing: what streams have sent is given time by the connection.
      this.#request.write(frame(frameType.data, closeCapsule(0)))
    }
    await this.#connection.close()
  }

  abort(): void {
    this.#closing = true
    this.#connection.refuse(h3Error.noError, true)
  }

  // What the connection calls.

  accept(stream: SessionStream): void {
    if (this.#events !== undefined) this.#events.stream(stream)
    else if (this.#first !== undefined) {
      this.#first.resolve(stream)
      this.#first = undefined
    } else if (this.#waiting.length < maxWaiting) this.#waiting.push(stream)
    else stream.reset(() => {})
  }

  /** The remote said good-bye, or left without. */
  remoteClosed(): void {
    this.#closing = true
    void this.#connection.close()
  }

  connectionClosed(error?: Error): void {
    if (this.#over) return
    this.#over = true
    this.#first?.reject(error ?? gone())
    this.#events?.closed(this.#closing ? undefined : error)
  }
}

const gone = (): PeerloomError => new PeerloomError('ERR_CONNECTION_CLOSED', 'the session is over', { remote: true })
