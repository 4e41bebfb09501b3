import { PeerloomError } from '@peerloom/interface'
import type { EngineConnectionEvents, EngineStream, EngineStreamEvents } from '@peerloom/quic-engine'
import { type QuicheConnection, type QuicheExtras, type QuicheStream, readVarint } from '@peerloom/quic-engine/quiche'
import { FrameReader } from './frame-reader.ts'
import { frameType, h3Error, sessionStreamError, uniType, webTransportBidi } from './h3-constants.ts'
import { HeadReader } from './head-reader.ts'
import type { WebTransportSession } from './session.ts'
import { SessionStream } from './session-stream.ts'
import { ownSettings, readSettings } from './settings.ts'
import { concat, varint } from './varint.ts'

export const maxFrameBytes: number = 16 * 1024
/** Streams of a session that is not granted yet (draft-ietf-webtrans-http3, "Buffering Incoming Streams"). */
const maxEarly = 16

/** For streams on which nothing is to be noticed. */
export const nobody: EngineStreamEvents = { data() {}, end() {}, written() {}, stopped() {}, lost() {} }

/** What a client or a server makes of its side of HTTP/3. What it throws ends the connection. */
export interface Http3Side {
  /** A request of the remote's; undefined: those are none of ours. */
  request(stream: EngineStream): EngineStreamEvents | undefined
  settings(settings: ReadonlyMap<number, number>): void
  closed(error: Error | undefined): void
}

/** HTTP/3 on a connection, as far as it takes to get to one WebTransport session. */
export class Http3Connection implements EngineConnectionEvents, QuicheExtras {
  readonly quic: QuicheConnection
  readonly resetCode: number = sessionStreamError
  readonly #side: Http3Side
  #session: WebTransportSession | undefined = undefined
  #sessionId = -1
  #early: { readonly id: number; readonly stream: SessionStream }[] = []
  #hasControl = false

  constructor(quic: QuicheConnection, side: Http3Side) {
    this.quic = quic
    this.#side = side
  }

  get session(): WebTransportSession | undefined {
    return this.#session
  }

  start(): void {
    const { quic } = this
    quic.handleExtras(this)
    quic.start(this)
    const control = quic.openUni()
    if (control === undefined) {
      quic.refuse(h3Error.generalProtocolError, true)
      return
    }
    control.start(nobody)
    control.write(concat(varint(uniType.control), ownSettings()))
  }

  /** The session that streams belong to from now on; the id is that of its request. */
  grant(session: WebTransportSession, id: number): void {
    this.#session = session
    this.#sessionId = id
    for (const early of this.#early.splice(0)) {
      if (early.id === id) session.accept(early.stream)
      else early.stream.reset(() => {})
    }
  }

  /** Whatever a remote sends that cannot be read ends its connection, and nothing else. */
  guarded<A, R>(read: (argument: A) => R): (argument: A) => R | undefined {
    return (argument) => {
      try {
        return read(argument)
      } catch {
        this.quic.refuse(h3Error.messageError, true)
        return undefined
      }
    }
  }

  // What the connection calls.

  stream(inner: EngineStream): void {
    inner.start(new HeadReader(this.guarded((bytes) => this.#readBidiHead(inner, bytes))))
  }

  uniStream(inner: QuicheStream): void {
    inner.start(new HeadReader(this.guarded((bytes) => this.#readUniHead(inner, bytes))))
  }

  datagram(): void {}

  closed(error?: Error): void {
    this.#side.closed(error)
    this.#session?.connectionClosed(error)
  }

  #readBidiHead(inner: EngineStream, bytes: Uint8Array) {
    const [type, idAt] = readVarint(bytes, 0)
    if (type === undefined) return undefined
    if (type !== webTransportBidi) {
      const next = this.#side.request(inner)
      if (next === undefined) inner.reset(() => {})
      return { length: 0, next }
    }
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
      const reader = new FrameReader([frameType.settings], maxFrameBytes, (_type, payload) =>
        this.#side.settings(readSettings(payload))
      )
      return { length, next: { ...nobody, data: this.guarded((more: Uint8Array) => reader.push(more)) } }
    }
    // With a table of size 0 there is nothing on them that matters; they have to stay open.
    if (type === uniType.qpackEncoder || type === uniType.qpackDecoder) return { length, next: nobody }
    inner.reset(() => {})
    return { length, next: undefined }
  }
}
