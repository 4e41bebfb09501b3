import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type Clock,
  type Connection,
  type DialOptions,
  type Listener,
  type ListenOptions,
  PeerloomError,
  type Transport
} from '@peerloom/interface'
import { connectChannel, toSocketAddress } from '@peerloom/sockets'
import { TcpListener } from './listener.ts'

export interface TcpOptions {
  /** Connections that the system may hold before they are accepted. Default 511. */
  readonly backlog?: number
}

export class TcpTransport implements Transport {
  readonly name = 'tcp'
  readonly #clock: Clock
  readonly #backlog: number

  constructor(clock: Clock, options: TcpOptions) {
    this.#clock = clock
    this.#backlog = options.backlog ?? 511
  }

  canDial(address: Multiaddr): boolean {
    return toSocketAddress(address) !== undefined
  }

  canListen(address: Multiaddr): boolean {
    return toSocketAddress(address) !== undefined
  }

  async dial(address: Multiaddr, options: DialOptions): Promise<Connection> {
    const target = toSocketAddress(address)
    if (target === undefined) throw new PeerloomError('ERR_NO_TRANSPORT', `${address} is not a TCP address`)
    options.onStage?.('connect')
    const channel = await connectChannel(target, this.#clock, options)
    const { localAddress } = channel
    return options.upgrader.upgradeOutbound(channel, {
      ...options,
      transport: this.name,
      remoteAddress: address,
      localAddress
    })
  }

  createListener(options: ListenOptions): Listener {
    return new TcpListener({ upgrader: options.upgrader, clock: this.#clock, backlog: this.#backlog })
  }
}
