import { PeerloomError } from '@peerloom/interface'
import type { EngineStream, EngineStreamEvents } from '@peerloom/quic-engine'
import type { QuicheConnection } from '@peerloom/quic-engine/quiche'
import { capsuleReader } from './capsules.ts'
import { FrameReader, frame } from './frame-reader.ts'
import { frameType, setting } from './h3-constants.ts'
import { Http3Connection, type Http3Side, maxFrameBytes, nobody } from './http3.ts'
import { sessionPath } from './options.ts'
import { decodeFields, encodeRequest } from './qpack.ts'
import { WebTransportSession } from './session.ts'

/** In which a server says that it has WebTransport, draft by draft. */
const webTransportSettings: readonly number[] = [
  setting.enableWebTransportDraft02,
  setting.webTransportMaxSessionsDraft07,
  setting.webTransportMaxSessions,
  setting.webTransportEnabled
]

/**
 * Asks for a session on a connection that was dialled. Rejects with ERR_ADDRESS_UNREACHABLE when the server has none for us,
 * and with what ended the connection. What bounds it is that its caller aborts the connection.
 */
export function requestSession(connection: QuicheConnection, authority: string): Promise<WebTransportSession> {
  return new Promise((resolve, reject) => {
    const client = new Http3Client(connection, authority, { resolve, reject })
    client.start()
  })
}

interface Settle {
  resolve(session: WebTransportSession): void
  reject(error: Error): void
}

class Http3Client implements Http3Side {
  readonly #http: Http3Connection
  readonly #authority: string
  readonly #settle: Settle
  #asked = false

  constructor(connection: QuicheConnection, authority: string, settle: Settle) {
    this.#http = new Http3Connection(connection, this)
    this.#authority = authority
    this.#settle = settle
  }

  start(): void {
    this.#http.start()
  }

  /** Servers do not ask. */
  request(): undefined {}

  /** A session may be asked for only once the server has said that it has them (draft, "Establishing a Session"). */
  settings(settings: ReadonlyMap<number, number>): void {
    if (this.#asked) return
    this.#asked = true
    const connects = settings.get(setting.enableConnectProtocol) === 1
    // Servers of the second draft do not say the former (go-libp2p up to 0.43).
    const isDraft02 = settings.get(setting.enableWebTransportDraft02) === 1
    if (!(connects || isDraft02) || !webTransportSettings.some((id) => (settings.get(id) ?? 0) > 0)) {
      this.#refused('the server has no WebTransport')
      return
    }
    this.#http.quic.open().then(
      (stream) => this.#ask(stream),
      (error: Error) => this.#settle.reject(error)
    )
  }

  closed(error: Error | undefined): void {
    this.#settle.reject(error ?? new PeerloomError('ERR_CONNECTION_CLOSED', 'the server left', { remote: true }))
  }

  #ask(stream: EngineStream): void {
    stream.start(this.#events(stream))
    stream.write(frame(frameType.headers, encodeRequest(this.#authority, sessionPath)))
  }

  #events(stream: EngineStream): EngineStreamEvents {
    let granted: WebTransportSession | undefined
    const capsules = capsuleReader(() => granted?.remoteClosed())
    const frames = new FrameReader([frameType.headers, frameType.data], maxFrameBytes, (type, payload) => {
      if (type === frameType.headers && granted === undefined) granted = this.#answered(stream, payload)
      else if (type === frameType.data && granted !== undefined) capsules.push(payload)
    })
    const over = (): void => {
      if (granted !== undefined) granted.remoteClosed()
      else this.#refused('the server ended the request')
    }
    return {
      ...nobody,
      data: this.#http.guarded((bytes: Uint8Array) => frames.push(bytes)),
      end: over,
      // With the connection, `closed` tells.
      lost: (_error, carrierLost) => {
        if (!carrierLost) over()
      }
    }
  }

  #answered(stream: EngineStream, section: Uint8Array): WebTransportSession | undefined {
    const status = decodeFields(section).get(':status') ?? ''
    // One that tells of the answer to come (RFC 9114 section 4.1).
    if (/^1\d\d$/.test(status)) return undefined
    if (!/^2\d\d$/.test(status)) {
      this.#refused(`the server answers with status ${status === '' ? 'none' : status.slice(0, 10)}`)
      return undefined
    }
    const id = Number(stream.id)
    const session = new WebTransportSession(this.#http.quic, stream, id)
    this.#http.grant(session, id)
    this.#settle.resolve(session)
    return session
  }

  #refused(why: string): void {
    this.#settle.reject(new PeerloomError('ERR_ADDRESS_UNREACHABLE', `WebTransport: ${why}`, { remote: true }))
  }
}
