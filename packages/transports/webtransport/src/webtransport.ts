import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type Connection,
  type Listener,
  type ListenOptions,
  type NodeContext,
  PeerloomError,
  type Transport
} from '@peerloom/interface'
import { knownFlaws } from '@peerloom/quic-engine/quiche'
import { toWebTransportAddress } from './address.ts'
import { WebTransportListener } from './listener.ts'
import { transportName, type WebTransportSettings } from './options.ts'

/** Node listens; between Nodes there is QUIC. */
export class WebTransportTransport implements Transport {
  readonly name: string = transportName
  readonly #node: NodeContext
  readonly #settings: WebTransportSettings

  constructor(node: NodeContext, settings: WebTransportSettings) {
    this.#node = node
    this.#settings = settings
  }

  canDial(): boolean {
    return false
  }

  canListen(address: Multiaddr): boolean {
    const target = toWebTransportAddress(address)
    return target !== undefined && target.hashes.length === 0 && /^[\d.]+$|:/.test(target.host)
  }

  dial(address: Multiaddr): Promise<Connection> {
    return Promise.reject(
      new PeerloomError('ERR_NO_TRANSPORT', `${address}: Node does not dial WebTransport, use QUIC`)
    )
  }

  createListener(options: ListenOptions): Listener {
    this.#node
      .log('webtransport')
      .error(`WebTransport listeners are experimental: quiche 0.18.0 has the known flaws ${knownFlaws.join(', ')}`)
    return new WebTransportListener(this.#node, this.#settings, options)
  }
}
