import { PeerloomError } from '@peerloom/interface'
import type { EngineStream, EngineStreamEvents } from '@peerloom/quic-engine'
import type { QuicheConnection } from '@peerloom/quic-engine/quiche'
import { capsuleReader } from './capsules.ts'
import { FrameReader, frame } from './frame-reader.ts'
import { frameType } from './h3-constants.ts'
import { Http3Connection, type Http3Side, maxFrameBytes, nobody } from './http3.ts'
import { sessionPath } from './options.ts'
import { decodeFields, encodeField, encodeStatus } from './qpack.ts'
import { WebTransportSession } from './session.ts'
import { concat } from './varint.ts'

/** Waits for a request for a session, and grants the first good one. */
export class Http3Server implements Http3Side {
  readonly session: Promise<WebTransportSession>
  readonly #http: Http3Connection
  #settle!: { resolve(session: WebTransportSession): void; reject(error: Error): void }

  constructor(connection: QuicheConnection) {
    this.#http = new Http3Connection(connection, this)
    this.session = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.session.catch(() => {})
  }

  start(): void {
    this.#http.start()
  }

  settings(): void {}

  closed(error: Error | undefined): void {
    this.#settle.reject(error ?? new PeerloomError('ERR_CONNECTION_CLOSED', 'left without a session', { remote: true }))
  }

  request(inner: EngineStream): EngineStreamEvents {
    let granted: WebTransportSession | undefined
    let answered = false
    const capsules = capsuleReader(() => granted?.remoteClosed())
    const frames = new FrameReader([frameType.headers, frameType.data], maxFrameBytes, (type, payload) => {
      if (type === frameType.headers && !answered) {
        answered = true
        granted = this.#answer(inner, payload)
      } else if (type === frameType.data && granted !== undefined) capsules.push(payload)
    })
    const over = (): void => {
      if (granted !== undefined) granted.remoteClosed()
      else inner.reset(() => {})
    }
    return {
      ...nobody,
      data: this.#http.guarded((bytes: Uint8Array) => frames.push(bytes)),
      end: over,
      lost: over,
      written: () => {
        // A refusal has left; an answer that grants the session leaves its stream open.
        if (granted === undefined) inner.finish()
      }
    }
  }

  #answer(inner: EngineStream, section: Uint8Array): WebTransportSession | undefined {
    const fields = decodeFields(section)
    const protocol = fields.get(':protocol')
    const isConnect =
      fields.get(':method') === 'CONNECT' && (protocol === 'webtransport' || protocol === 'webtransport-h3')
    const isTaken = this.#http.session !== undefined
    const status = !isConnect ? 400 : fields.get(':path') !== sessionPath ? 404 : isTaken ? 429 : 200
    if (status !== 200) {
      inner.write(frame(frameType.headers, encodeStatus(status)))
      return undefined
    }
    const id = Number(inner.id)
    const session = new WebTransportSession(this.#http.quic, inner, id)
    const answer = concat(encodeStatus(200), encodeField('sec-webtransport-http3-draft', 'draft02'))
    inner.write(frame(frameType.headers, answer))
    this.#http.grant(session, id)
    this.#settle.resolve(session)
    return session
  }
}
