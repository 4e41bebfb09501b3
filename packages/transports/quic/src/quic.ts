import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type Connection,
  type DialOptions,
  type Listener,
  type ListenOptions,
  PeerloomError,
  type Startable,
  type Transport
} from '@peerloom/interface'
import { createNativeMuxer } from '@peerloom/quic-engine'
import { fromUdpAddress, toUdpAddress } from './address.ts'
import type { QuicEngine } from './engine.ts'
import { QuicListener, securityName, transportName } from './listener.ts'

export class QuicTransport implements Transport, Startable {
  readonly name: string = transportName
  readonly #engine: QuicEngine

  constructor(engine: QuicEngine) {
    this.#engine = engine
  }

  start(): void {}

  stop(): Promise<void> {
    return this.#engine.stop()
  }

  canDial(address: Multiaddr): boolean {
    return toUdpAddress(address) !== undefined
  }

  canListen(address: Multiaddr): boolean {
    return toUdpAddress(address) !== undefined
  }

  async dial(address: Multiaddr, options: DialOptions): Promise<Connection> {
    const { upgrader, expected, onStage } = options
    const target = toUdpAddress(address)
    if (target === undefined) throw new PeerloomError('ERR_NO_TRANSPORT', `${address} is not a QUIC address`)
    onStage?.('connect')
    const { connection, remotePeer, remoteKey, local } = await this.#engine.dial(target, options)
    try {
      if (expected !== undefined && !expected.equals(remotePeer)) {
        const message = `dialled ${expected}, reached ${remotePeer}`
        throw new PeerloomError('ERR_WRONG_PEER', message, { remote: true })
      }
      return await upgrader.adoptOutbound({
        ...options,
        transport: transportName,
        security: securityName,
        remoteAddress: address,
        localAddress: local === undefined ? undefined : fromUdpAddress(local),
        remotePeer,
        remoteKey,
        createMuxer: (settings) => createNativeMuxer(transportName, connection, settings)
      })
    } catch (error) {
      connection.abort()
      throw error
    }
  }

  createListener({ upgrader }: ListenOptions): Listener {
    return new QuicListener(this.#engine, upgrader)
  }
}
