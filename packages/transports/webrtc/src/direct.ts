import type { Multiaddr } from '@multiformats/multiaddr'
import type { Connection, DialOptions, Listener, ListenOptions, NodeContext, Transport } from '@peerloom/interface'
import { parseDirectAddress, parseDirectTarget } from './direct-address.ts'
import { DirectDialer } from './direct-dialer.ts'
import type { DirectSettings } from './direct-options.ts'
import type { RtcEngine } from './engine-interface.ts'

export type CreateDirectListener = (options: ListenOptions) => Listener

/** WebRTC to a node with a public address, which may be dialled by browsers without any certificate of an authority. */
export class DirectTransport implements Transport {
  readonly name = 'webrtc-direct'
  readonly #dialer: DirectDialer
  /** Absent where there is no way to listen. */
  readonly #listen: CreateDirectListener | undefined

  constructor(
    node: Pick<NodeContext, 'clock' | 'random'>,
    engine: RtcEngine,
    settings: DirectSettings,
    listen?: CreateDirectListener
  ) {
    this.#dialer = new DirectDialer(node, engine, settings)
    this.#listen = listen
  }

  canDial(address: Multiaddr): boolean {
    return parseDirectTarget(address) !== undefined
  }

  canListen(address: Multiaddr): boolean {
    return this.#listen !== undefined && parseDirectAddress(address) !== undefined
  }

  dial(address: Multiaddr, options: DialOptions): Promise<Connection> {
    return this.#dialer.dial(address, options)
  }

  createListener(options: ListenOptions): Listener {
    return (this.#listen as CreateDirectListener)(options)
  }
}
