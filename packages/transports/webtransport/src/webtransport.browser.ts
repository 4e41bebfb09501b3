import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type Clock,
  type Connection,
  type DialOptions,
  type Listener,
  PeerloomError,
  type Transport
} from '@peerloom/interface'
import { toWebTransportAddress } from './address.ts'
import { openBrowserSession } from './browser-dialler.ts'
import { dial } from './dial.ts'
import { transportName, type WebTransportSettings } from './options.ts'

/** Pages dial, and cannot listen. */
export class WebTransportTransport implements Transport {
  readonly name: string = transportName
  readonly #clock: Clock
  readonly #settings: WebTransportSettings

  constructor(clock: Clock, settings: WebTransportSettings) {
    this.#clock = clock
    this.#settings = settings
  }

  canDial(address: Multiaddr): boolean {
    const target = toWebTransportAddress(address)
    return target !== undefined && target.hashes.length > 0
  }

  canListen(): boolean {
    return false
  }

  dial(address: Multiaddr, options: DialOptions): Promise<Connection> {
    return dial(address, options, this.#settings, this.#clock, (target, signal) =>
      openBrowserSession(target, signal, this.#clock)
    )
  }

  createListener(): Listener {
    throw new PeerloomError('ERR_LISTEN', 'a page cannot listen')
  }
}
