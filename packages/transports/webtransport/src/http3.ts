import { PeerloomError } from '@peerloom/interface'
import type { EngineConnectionEvents, EngineStream, EngineStreamEvents } from '@peerloom/quic-engine'
import { type QuicheConnection, type QuicheExtras, type QuicheStream, readVarint } from '@peerloom/quic-engine/quiche'
import { capsuleReader } from './capsules.ts'
import { FrameReader, frame } from './frame-reader.ts'
import { frameType, h3Error, uniType, webTransportBidi } from './h3-constants.ts'
import { HeadReader } from './head-reader.ts'
import { sessionPath } from './options.ts'
import { decodeFields, encodeField, encodeStatus } from './qpack.ts'
import { WebTransportSession } from './session.ts'
import { SessionStream } from './session-stream.ts'
import { ownSettings, readSettings } from './settings.ts'
import { concat, varint } from './varint.ts'

const maxFrameBytes = 16 * 1024
/** Streams of a session whose request has not come yet (draft-ietf-webtrans-http3, "Buffering Incoming Streams"). */
const maxEarly = 16

const nobody: EngineStreamEvents = { data() {}, end() {}, written() {}, stopped() {}, lost() {} }

/** The server's side of HTTP/3, as far as it takes to get to one WebTransport session. */
export class Http3Connection implements EngineConnectionEvents, QuicheExtras {
  readonly session: Promise<WebTransportSession>
  readonly #connection: QuicheConnection
  #settle!: { resolve(session: WebTransportSession): void; reject(error: Error): void }
  #session: WebTransportSession | undefined = undefined
  #sessionId = -1
  #early: { readonly id: number; readonly stream: SessionStream }[] = []
  #hasControl = false

  constructor(connection: QuicheConnection) {
    this.#connection = connection
    this.session = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.session.catch(() => {})
  }

  start(): void {
    const connection = this.#connection
    connection.handleExtras(this)
    connection.start(this)
    const control = connection.openUni()
    if (control === undefined) {
      connection.refuse(h3Error.generalProtocolError, true)
      return
    }
    control.start(nobody)
    control.write(concat(varint(uniType.control), ownSettings()))
  }

  // What the connection calls.

  stream(inner: EngineStream): void {
    inner.start(new HeadReader(this.#guarded((bytes) => this.#readBidiHead(inner, bytes))))
  }

  uniStream(inner: QuicheStream): void {
    inner.start(new HeadReader(this.#guarded((bytes) => this.#readUniHead(inner, bytes))))
  }

  datagram(): void {}

  closed(error?: Error): void {
    this.#settle.reject(error ?? new PeerloomError('ERR_CONNECTION_CLOSED', 'left without a session', { remote: true }))
    this.#session?.connectionClosed(error)
  }

  #readBidiHead(inner: EngineStream, bytes: Uint8Array) {
    const [type, idAt] = readVarint(bytes, 0)
    if (type === undefined) return undefined
    if (type !== webTransportBidi) return { length: 0, next: this.#request(inner) }
    const [id, length] = readVarint(bytes, idAt)
    if (id === undefined) return undefined
    const stream = new SessionStream(inner)
    if (this.#session !== undefined && id === this.#sessionId) {
      this.#session.accept(stream)
    } else if (this.#session === undefined && id % 4 === 0 && this.#early.length < maxEarly) {
      this.#early.push({ id, stream })
    } else {
      inner.reset(() => {})
      return { length, next: undefined }
    }
    return { length, next: stream }
  }

  #readUniHead(inner: QuicheStream, bytes: Uint8Array) {
    const [type, length] = readVarint(bytes, 0)
    if (type === undefined) return undefined
    if (type === uniType.control) {
      if (this.#hasControl) throw new PeerloomError('ERR_PROTOCOL_VIOLATION', 'HTTP/3: two control streams')
      this.#hasControl = true
      const reader = new FrameReader(
        [frameType.settings],
        maxFrameBytes,
        (_type, payload) => void readSettings(payload)
      )
      return { length, next: { ...nobody, data: this.#guarded((more: Uint8Array) => reader.push(more)) } }
    }
    // With a table of size 0 there is nothing on them that matters; they have to stay open.
    if (type === uniType.qpackEncoder || type === uniType.qpackDecoder) return { length, next: nobody }
    inner.reset(() => {})
    return { length, next: undefined }
  }

  #request(inner: EngineStream): EngineStreamEvents {
    const capsules = capsuleReader(() => this.#session?.remoteClosed())
    const id = Number(inner.id)
    const isSession = (): boolean => this.#sessionId === id
    let answered = false
    const frames = new FrameReader([frameType.headers, frameType.data], maxFrameBytes, (type, payload) => {
      if (type === frameType.headers && !answered) {
        answered = true
        this.#answer(inner, id, payload)
      } else if (type === frameType.data && isSession()) capsules.push(payload)
    })
    const over = (): void => {
      if (isSession()) this.#session?.remoteClosed()
      else inner.reset(() => {})
    }
    return {
      ...nobody,
      data: this.#guarded((bytes: Uint8Array) => frames.push(bytes)),
      end: over,
      lost: over,
      written: () => {
        // A refusal has left; an answer that grants the session leaves its stream open.
        if (!isSession()) inner.finish()
      }
    }
  }

  #answer(inner: EngineStream, id: number, section: Uint8Array): void {
    const fields = decodeFields(section)
    const protocol = fields.get(':protocol')
    const isConnect =
      fields.get(':method') === 'CONNECT' && (protocol === 'webtransport' || protocol === 'webtransport-h3')
    const status = !isConnect
      ? 400
      : fields.get(':path') !== sessionPath
        ? 404
        : this.#session !== undefined
          ? 429
          : 200
    if (status !== 200) {
      inner.write(frame(frameType.headers, encodeStatus(status)))
      return
    }
    const session = new WebTransportSession(this.#connection, inner, id)
    this.#session = session
    this.#sessionId = id
    const answer = concat(encodeStatus(200), encodeField('sec-webtransport-http3-draft', 'draft02'))
    inner.write(frame(frameType.headers, answer))
    for (const early of this.#early.splice(0)) {
      if (early.id === id) session.accept(early.stream)
      else early.stream.reset(() => {})
    }
    this.#settle.resolve(session)
  }

  /** Whatever a remote sends that cannot be read ends its connection, and nothing else. */
  #guarded<A, R>(read: (argument: A) => R): (argument: A) => R | undefined {
    return (argument) => {
      try {
        return read(argument)
      } catch {
        this.#connection.refuse(h3Error.messageError, true)
        return undefined
      }
    }
  }
}
