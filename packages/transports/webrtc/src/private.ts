import { type Multiaddr } from '@multiformats/multiaddr'
import {
  type Connection,
  type DialOptions,
  type Listener,
  type ListenOptions,
  type NodeContext,
  PeerloomError,
  type Transport
} from '@peerloom/interface'
import { withBound } from './bound.ts'
import type { RtcEngine } from './engine-interface.ts'
import { isWebRTCListen, parsePrivateAddress, type PrivateAddress } from './private-address.ts'
import { PrivateListener } from './private-listener.ts'
import type { PrivateSettings } from './private-options.ts'
import { offer } from './signaling.ts'
import { signalingProtocol } from './signal-message.ts'

/** WebRTC between peers that nobody can dial: they meet over a relay and find a way of their own. */
export class PrivateTransport implements Transport {
  readonly name = 'webrtc'
  readonly #node: NodeContext
  readonly #engine: RtcEngine
  readonly #settings: PrivateSettings

  constructor(node: NodeContext, engine: RtcEngine, settings: PrivateSettings) {
    this.#node = node
    this.#engine = engine
    this.#settings = settings
  }

  canDial(address: Multiaddr): boolean {
    const parsed = parsePrivateAddress(address)
    return parsed !== undefined && parsed.peer !== this.#node.peerId.toString()
  }

  canListen(address: Multiaddr): boolean {
    return isWebRTCListen(address)
  }

  createListener(options: ListenOptions): Listener {
    return new PrivateListener(this.#node, this.#engine, this.#settings, options)
  }

  async dial(address: Multiaddr, options: DialOptions): Promise<Connection> {
    const target = parsePrivateAddress(address)
    if (target === undefined) throw new PeerloomError('ERR_NO_TRANSPORT', `${address} is not a WebRTC address`)
    options.signal?.throwIfAborted()
    options.onStage?.('connect')
    const { upgrader } = options
    const { connectTimeoutMs: timeoutMs, iceServers, dataChannel } = this.#settings
    const { clock } = this.#node
    const relayed = await this.#relayed(target, options)
    const { remotePeer, remoteKey } = relayed
    const bound = { signal: options.signal, clock, timeoutMs, what: 'the WebRTC connection' }
    const session = await withBound(bound, async (signal) => {
      const stream = await relayed.openStream(signalingProtocol, { allowLimited: true, signal })
      return offer(stream, { engine: this.#engine, iceServers, dataChannel, clock, signal })
    })
    try {
      options.signal?.throwIfAborted()
      options.onStage?.('muxer')
      // The description that named the remote's certificate came over a connection that has shown who it is.
      return await upgrader.adoptOutbound({
        transport: this.name,
        remoteAddress: address,
        expected: options.expected,
        security: '/dtls',
        remotePeer,
        remoteKey,
        createMuxer: (settings) => session.createMuxer(settings)
      })
    } catch (error) {
      session.close()
      throw error
    }
  }

  /** A connection to talk over: an open one, or one by way of the relay. */
  async #relayed({ circuit, peer }: PrivateAddress, { expected, signal }: DialOptions): Promise<Connection> {
    const { connections } = this.#node
    const name = expected?.toString() ?? peer
    if (name === undefined) throw new PeerloomError('ERR_INVALID_ARGUMENT', `${circuit}: whom to reach is not said`)
    const open = connections.list().findLast((one) => one.remotePeer.toString() === name && one.status === 'open')
    if (open !== undefined) return open
    const dialled = peer === undefined ? circuit.encapsulate(`/p2p/${name}`) : circuit
    const relayed = await connections.dial(dialled, { signal })
    if (relayed.remotePeer.toString() === name) return relayed
    throw new PeerloomError('ERR_WRONG_PEER', `dialled ${name}, but ${relayed.remotePeer} answered`, { remote: true })
  }
}
