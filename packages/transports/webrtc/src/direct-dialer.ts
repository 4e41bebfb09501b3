import { type Multiaddr } from '@multiformats/multiaddr'
import { type Connection, type DialOptions, type NodeContext, PeerloomError, toError } from '@peerloom/interface'
import { type DirectTarget, parseDirectTarget } from './direct-address.ts'
import { inferAnswer } from './direct-sdp.ts'
import type { RtcEngine } from './engine-interface.ts'
import { fingerprintOfSdp, noisePrologue } from './fingerprint.ts'
import { HandshakeChannel, secureLink } from './handshake.ts'
import { type DirectVersion, makeV1Credentials, serverCredentialsV2 } from './ice-credentials.ts'
import type { DirectSettings } from './direct-options.ts'
import { RtcSession } from './session.ts'

const randomBytes = 32

/** Dials servers: one version of the protocol, and the other when that is not answered. */
export class DirectDialer {
  readonly #node: Pick<NodeContext, 'clock' | 'random'>
  readonly #engine: RtcEngine
  readonly #settings: DirectSettings

  constructor(node: Pick<NodeContext, 'clock' | 'random'>, engine: RtcEngine, settings: DirectSettings) {
    this.#node = node
    this.#engine = engine
    this.#settings = settings
  }

  async dial(address: Multiaddr, options: DialOptions): Promise<Connection> {
    const target = parseDirectTarget(address)
    if (target === undefined) {
      throw new PeerloomError('ERR_NO_TRANSPORT', `${address} is not a WebRTC Direct address with a sha2-256 certhash`)
    }
    options.signal?.throwIfAborted()
    options.onStage?.('connect')
    const [first, second] = this.#settings.versions
    if (second === undefined) return this.#dialVersion(first, address, target, options)
    return this.#race(first, second, address, target, options)
  }

  /** A server does not answer a version that it does not know: the only sign is silence. */
  async #race(
    first: DirectVersion,
    second: DirectVersion,
    address: Multiaddr,
    target: DirectTarget,
    options: DialOptions
  ): Promise<Connection> {
    const { clock } = this.#node
    const { fallbackDelayMs } = this.#settings
    const loser = new AbortController()
    const onAbort = (): void => loser.abort(options.signal?.reason)
    options.signal?.addEventListener('abort', onAbort, { once: true })
    const both = { ...options, signal: loser.signal }
    let begin = (): void => {}
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    const timer = clock.setTimeout(begin, fallbackDelayMs)
    // Whichever is through first is used, and the other one is called off before it has become a connection.
    let won = false
    const win = (): void => {
      if (won) throw new PeerloomError('ERR_ABORTED', 'the other version was faster')
      won = true
    }
    const attempt = this.#dialVersion(first, address, target, both, win).catch((error: unknown) => {
      begin()
      throw error
    })
    const fallback = begun.then(() => {
      if (won || loser.signal.aborted) throw new PeerloomError('ERR_ABORTED', 'not needed')
      return this.#dialVersion(second, address, target, both, win)
    })
    try {
      return await Promise.any([attempt, fallback])
    } catch (error) {
      options.signal?.throwIfAborted()
      throw error instanceof AggregateError ? toError(error.errors[0]) : error
    } finally {
      clock.clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
      begin()
      loser.abort(new PeerloomError('ERR_ABORTED', 'the other version was faster'))
    }
  }

  async #dialVersion(
    version: DirectVersion,
    address: Multiaddr,
    target: DirectTarget,
    options: DialOptions,
    win: () => void = () => {}
  ): Promise<Connection> {
    const { clock, random } = this.#node
    const { signal, upgrader, expected } = options
    const session = await RtcSession.create(this.#engine, {}, this.#settings.dataChannel)
    try {
      const { link } = session
      const channel = new HandshakeChannel(session, clock)
      const v1 = makeV1Credentials(random(randomBytes))
      const offer = await link.describe('offer', version === 1 ? v1 : undefined)
      const client = fingerprintOfSdp(offer)
      const pwd = /^a=ice-pwd:(\S+)/m.exec(offer)?.[1]
      if (client === undefined || pwd === undefined) {
        throw new PeerloomError('ERR_ADDRESS_UNREACHABLE', 'the engine made an offer without what WebRTC Direct needs')
      }
      const credentials = version === 1 ? v1 : serverCredentialsV2(pwd)
      await link.setRemote('answer', inferAnswer({ address: target, credentials, fingerprint: target.fingerprint }))
      await channel.opened({ signal, timeoutMs: this.#settings.connectTimeoutMs })
      options.onStage?.('security')
      const prologue = noisePrologue(client, target.fingerprint)
      const secured = await secureLink(channel.stream, {
        upgrader,
        serves: false,
        prologue,
        expected,
        signal
      })
      if (session.error !== undefined) throw session.error
      signal?.throwIfAborted()
      options.onStage?.('muxer')
      win()
      return await upgrader.adoptOutbound({
        transport: 'webrtc-direct',
        remoteAddress: address,
        expected,
        security: '/noise',
        remotePeer: secured.remotePeer,
        remoteKey: secured.remoteKey,
        createMuxer: (settings) => session.createMuxer(settings)
      })
    } catch (error) {
      session.close()
      throw error
    }
  }
}
