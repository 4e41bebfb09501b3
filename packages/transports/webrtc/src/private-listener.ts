import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import {
  type Connection,
  type Listener,
  type ListenOptions,
  type NodeContext,
  type PeerId,
  PeerloomError,
  type PublicKey,
  type Stream,
  toError,
  type Unsubscribe
} from '@peerloom/interface'
import { withBound } from './bound.ts'
import type { RtcEngine } from './engine-interface.ts'
import { isWebRTCListen, overRelay } from './private-address.ts'
import type { PrivateSettings } from './private-options.ts'
import type { RtcSession } from './session.ts'
import { answer } from './signaling.ts'
import { signalingProtocol } from './signal-message.ts'

/** Streams of one peer that may be making connections. */
const maxPendingPerPeer = 2

type Node = Pick<NodeContext, 'addresses' | 'clock' | 'events' | 'log' | 'protocols'>

/** Takes WebRTC connections that peers arrange with us over a relay. */
export class PrivateListener implements Listener {
  readonly #node: Node
  readonly #engine: RtcEngine
  readonly #settings: PrivateSettings
  readonly #options: ListenOptions
  #unsubscribe: Unsubscribe | undefined
  #addresses: readonly Multiaddr[] = []
  readonly #pending = new Set<AbortController>()

  constructor(node: Node, engine: RtcEngine, settings: PrivateSettings, options: ListenOptions) {
    this.#node = node
    this.#engine = engine
    this.#settings = settings
    this.#options = options
  }

  listen(address: Multiaddr): Promise<void> {
    if (!isWebRTCListen(address) || this.#unsubscribe !== undefined) {
      const why = this.#unsubscribe === undefined ? 'not /webrtc' : 'the listener is in use'
      return Promise.reject(new PeerloomError('ERR_LISTEN', `cannot listen on ${address}: ${why}`))
    }
    try {
      this.#node.protocols.handle(signalingProtocol, (stream, connection) => this.#serve(stream, connection), {
        allowLimited: true,
        maxInboundStreams: maxPendingPerPeer
      })
    } catch (cause) {
      return Promise.reject(new PeerloomError('ERR_LISTEN', 'another listener is on /webrtc', { cause }))
    }
    this.#unsubscribe = this.#node.events.on('addresses', () => this.#onAddresses())
    return Promise.resolve()
  }

  addresses(): Multiaddr[] {
    return [...this.#addresses]
  }

  close(): Promise<void> {
    if (this.#unsubscribe !== undefined) {
      this.#unsubscribe()
      this.#unsubscribe = undefined
      this.#node.protocols.unhandle(signalingProtocol)
    }
    this.#addresses = []
    for (const pending of this.#pending) pending.abort(new PeerloomError('ERR_STOPPED', 'the listener is closed'))
    return Promise.resolve()
  }

  /** Wherever a relay makes us known, we can be reached by WebRTC as well. */
  #onAddresses(): void {
    const found = new Map<string, Multiaddr>()
    for (const { address } of this.#node.addresses.list()) {
      const own = overRelay(address)
      if (own !== undefined) found.set(own.toString(), own)
    }
    const same = found.size === this.#addresses.length && this.#addresses.every((one) => found.has(one.toString()))
    if (same) return
    this.#addresses = [...found.values()]
    this.#options.onAddresses?.()
  }

  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const { upgrader } = this.#options
    const { clock } = this.#node
    const { maxPendingInbound, connectTimeoutMs: timeoutMs, iceServers, dataChannel } = this.#settings
    const { remotePeer, remoteKey } = connection
    if (this.#pending.size >= maxPendingInbound || !upgrader.acceptInbound(connection.remoteAddress)) {
      stream.abort(new PeerloomError('ERR_LIMIT', 'too many WebRTC connections are being made'))
      return
    }
    const pending = new AbortController()
    this.#pending.add(pending)
    try {
      const bound = { signal: pending.signal, clock, timeoutMs, what: 'the WebRTC connection' }
      const session = await withBound(bound, (signal) =>
        answer(stream, { engine: this.#engine, iceServers, dataChannel, clock, signal })
      )
      await this.#adopt(session, remotePeer, remoteKey)
    } catch (error) {
      const log = this.#node.log('webrtc')
      if (log.enabled) log.debug('inbound connection of %s failed', remotePeer.toString(), toError(error))
    } finally {
      this.#pending.delete(pending)
    }
  }

  async #adopt(session: RtcSession, remotePeer: PeerId, remoteKey: PublicKey | undefined): Promise<void> {
    try {
      const remote = await session.link.remoteEndpoint()
      const where =
        remote === undefined ? '' : `/ip${remote.host.includes(':') ? 6 : 4}/${remote.host}/udp/${remote.port}`
      const adopted = await this.#options.upgrader.adoptInbound({
        transport: 'webrtc',
        remoteAddress: multiaddr(`${where}/webrtc/p2p/${remotePeer}`),
        security: '/dtls',
        remotePeer,
        remoteKey,
        createMuxer: (settings) => session.createMuxer(settings)
      })
      if (adopted === undefined) session.close()
    } catch (error) {
      session.close()
      throw error
    }
  }
}
