import type {
  ClearableSignal,
  Connection as TheirConnection,
  Listener as TheirListener,
  MultiaddrConnection,
  Transport as TheirTransport,
  Upgrader as TheirUpgrader
} from '@libp2p/interface'
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
import { fromTheirError } from './errors.ts'
import { MessageStreamChannel } from './message-stream-channel.ts'

/** A transport of js-libp2p in the part of ours. One that brings its own security and muxer is refused on first use. */
export class BorrowedTransport implements Transport {
  readonly name: string
  readonly #transport: TheirTransport
  readonly #clock: Clock

  constructor(transport: TheirTransport, clock: Clock) {
    this.name = transport[Symbol.toStringTag].split('/').pop() ?? 'libp2p'
    this.#transport = transport
    this.#clock = clock
  }

  canDial(address: Multiaddr): boolean {
    return this.#transport.dialFilter([address]).length > 0
  }

  canListen(address: Multiaddr): boolean {
    return this.#transport.listenFilter([address]).length > 0
  }

  async dial(address: Multiaddr, options: DialOptions): Promise<Connection> {
    const { upgrader, ...upgradeOptions } = options
    options.onStage?.('connect')
    const bridge = bridgeTo(async (link) =>
      upgrader.upgradeOutbound(this.#channel(link), {
        ...upgradeOptions,
        transport: this.name,
        remoteAddress: link.remoteAddr
      })
    )
    const signal = options.signal ?? new AbortController().signal
    try {
      return (await this.#transport.dial(address, { upgrader: bridge, signal })) as unknown as Connection
    } catch (error) {
      throw fromTheirError(error, 'ERR_ADDRESS_UNREACHABLE')
    }
  }

  createListener({ upgrader }: ListenOptions): Listener {
    const bridge = bridgeTo(async (link) => {
      if (!upgrader.acceptInbound(link.remoteAddr)) throw new PeerloomError('ERR_GATED', 'refused before the handshake')
      const remoteAddress = link.remoteAddr
      return upgrader.upgradeInbound(this.#channel(link), { transport: this.name, remoteAddress })
    })
    return new BorrowedListener(this.#transport.createListener({ upgrader: bridge }))
  }

  #channel(link: MultiaddrConnection): MessageStreamChannel {
    return new MessageStreamChannel(link, { clock: this.#clock })
  }
}

class BorrowedListener implements Listener {
  readonly #listener: TheirListener

  constructor(listener: TheirListener) {
    this.#listener = listener
  }

  async listen(address: Multiaddr): Promise<void> {
    try {
      await this.#listener.listen(address)
    } catch (error) {
      throw new PeerloomError(
        'ERR_LISTEN',
        `cannot listen on ${address}: ${fromTheirError(error, 'ERR_LISTEN').message}`,
        {
          cause: error
        }
      )
    }
  }

  addresses(): Multiaddr[] {
    return this.#listener.getAddrs()
  }

  close(): Promise<void> {
    return this.#listener.close()
  }
}

/** Our upgrader as theirs. Their transports hand the connection through and look at nothing in it. */
function bridgeTo(upgrade: (link: MultiaddrConnection) => Promise<Connection | undefined>): TheirUpgrader {
  const checked = async (link: MultiaddrConnection, options: object): Promise<Connection | undefined> => {
    if ('skipEncryption' in options || 'muxerFactory' in options) {
      throw new PeerloomError(
        'ERR_NO_TRANSPORT',
        'a js-libp2p transport with its own security or muxer is not supported'
      )
    }
    return upgrade(link)
  }
  return {
    upgradeOutbound: async (link: MultiaddrConnection, options: object) =>
      (await checked(link, options)) as unknown as TheirConnection,
    upgradeInbound: async (link: MultiaddrConnection, options: object) => {
      await checked(link, options)
    },
    // The node bounds the upgrade itself.
    createInboundAbortSignal: (signal) =>
      Object.assign(AbortSignal.any([signal]), { clear: () => {} }) as ClearableSignal,
    getStreamMuxers: () => new Map(),
    getConnectionEncrypters: () => new Map()
  }
}
