import type { Multiaddr } from '@multiformats/multiaddr'
import type {
  Connection,
  DialOptions,
  Listener,
  ListenOptions,
  NodeContext,
  Startable,
  Transport
} from '@peerloom/interface'
import { knownFlaws } from '@peerloom/quic-engine/quiche'
import { toWebTransportAddress } from './address.ts'
import { RollingCertificates } from './certificates.ts'
import { dial } from './dial.ts'
import { WebTransportDialler } from './dialler.ts'
import { WebTransportListener } from './listener.ts'
import { transportName, type WebTransportSettings } from './options.ts'

/** Names are looked up before a transport is asked. */
const isIp = (host: string): boolean => /^[\d.]+$|:/.test(host)

/** Node listens and dials, by a QUIC that is an experiment. */
export class WebTransportTransport implements Transport, Startable {
  readonly name: string = transportName
  readonly #node: NodeContext
  readonly #settings: WebTransportSettings
  readonly #certificates: RollingCertificates
  readonly #dialler: WebTransportDialler
  #hasWarned = false

  constructor(node: NodeContext, settings: WebTransportSettings) {
    this.#node = node
    this.#settings = settings
    this.#certificates = new RollingCertificates(node, node.log('webtransport'))
    this.#dialler = new WebTransportDialler(node, settings)
  }

  start(): void {}

  stop(): Promise<void> {
    return this.#dialler.stop()
  }

  canDial(address: Multiaddr): boolean {
    const target = toWebTransportAddress(address)
    return target !== undefined && target.hashes.length > 0 && isIp(target.host)
  }

  canListen(address: Multiaddr): boolean {
    const target = toWebTransportAddress(address)
    return target !== undefined && target.hashes.length === 0 && isIp(target.host)
  }

  dial(address: Multiaddr, options: DialOptions): Promise<Connection> {
    this.#warn()
    return dial(address, options, this.#settings, this.#node.clock, (target, signal) =>
      this.#dialler.open(target, signal)
    )
  }

  createListener(options: ListenOptions): Listener {
    this.#warn()
    return new WebTransportListener(this.#node, this.#settings, options, this.#certificates)
  }

  #warn(): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    this.#node
      .log('webtransport')
      .error(`WebTransport in Node is experimental: quiche 0.18.0 has the known flaws ${knownFlaws.join(', ')}`)
  }
}
