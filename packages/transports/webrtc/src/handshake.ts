import type { AbortOptions, Clock, PeerId, Secured, Upgrader } from '@peerloom/interface'
import { Waiters } from '@peerloom/streams'
import type { RtcChannel, RtcChannelEvents } from './engine-interface.ts'
import { defaultDataChannelOptions } from './options.ts'
import type { RtcSession } from './session.ts'
import { DataChannelStream } from './stream.ts'
import type { StreamHost } from './stream-host.ts'

/** Noise runs on the data channel with this id, which both sides know of (webrtc-direct.md, Connection Security). */
const handshakeChannelId = 0

/**
 * The handshake channel. What the remote says on it before the handshake begins waits: it may be up before we know.
 */
export class HandshakeChannel implements RtcChannelEvents {
  readonly stream: DataChannelStream
  readonly #channel: RtcChannel
  readonly #session: RtcSession
  readonly #clock: Clock
  #onOpened: (() => void) | undefined = undefined

  constructor(session: RtcSession, clock: Clock) {
    this.#session = session
    this.#clock = clock
    this.#channel = session.link.createChannel({ negotiatedId: handshakeChannelId })
    this.stream = new DataChannelStream(this.#channel, handshakeHost(clock), 'outbound')
    this.#channel.attach(this)
  }

  /** Waits for the link, inside a bound and a signal. The link is closed when that fails. */
  async opened({ signal, timeoutMs }: AbortOptions & { readonly timeoutMs: number }): Promise<void> {
    const session = this.#session
    const waiters = new Waiters()
    this.#onOpened = () => waiters.resolve()
    session.onDown = (error) => waiters.reject(error)
    try {
      if (session.error !== undefined) throw session.error
      if (!this.#channel.isOpen) {
        await waiters.add({ signal }, { clock: this.#clock, timeoutMs, what: 'the WebRTC connection' })
      }
    } catch (error) {
      session.close()
      throw error
    } finally {
      this.#onOpened = undefined
      session.onDown = undefined
    }
  }

  onOpen(): void {
    this.#onOpened?.()
    this.stream.onOpen()
  }

  onMessage(bytes: Uint8Array): void {
    this.stream.onMessage(bytes)
  }

  onLow(): void {
    this.stream.onLow()
  }

  onClosed(): void {
    this.stream.onClosed()
  }
}

export interface HandshakeOptions extends AbortOptions {
  readonly upgrader: Upgrader
  /** Whether this is the side that listens: the one that starts. */
  readonly serves: boolean
  readonly prologue: Uint8Array
  readonly expected?: PeerId | undefined
}

/**
 * Noise over the handshake channel. The channel stays as it is afterwards: engines may lose what was said last on one that
 * is closed, and its id is not to be used again while the other side still knows it.
 */
export function secureLink(channel: DataChannelStream, options: HandshakeOptions): Promise<Secured> {
  const { upgrader, serves, prologue, expected, signal } = options
  return upgrader.secure('/noise', channel, {
    role: serves ? 'initiator' : 'responder',
    muxers: [],
    prologue,
    ...(expected === undefined ? {} : { expected }),
    ...(signal === undefined ? {} : { signal })
  })
}

function handshakeHost(clock: Clock): StreamHost {
  return {
    clock,
    ...defaultDataChannelOptions,
    maxBufferedBytes: 256 * 1024,
    grantsCredit: false,
    onCredit: () => {},
    reserveMemory: () => false,
    releaseMemory: () => {},
    remove: () => {},
    lingered: () => {}
  }
}
