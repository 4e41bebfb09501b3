import {
  type Connection as TheirConnection,
  type CreateListenerOptions,
  type DialTransportOptions,
  type Listener as TheirListener,
  type ListenerEvents,
  type Logger,
  type Transport as TheirTransport,
  transportSymbol,
  type Upgrader as TheirUpgrader
} from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type Channel,
  type Connection,
  type Direction,
  type Listener,
  PeerloomError,
  toError,
  type Transport,
  type UpgradeOptions,
  type Upgrader
} from '@peerloom/interface'
import { TypedEventEmitter } from 'main-event'
import { ChannelConnection } from './channel-connection.ts'
import { toTheirError } from './errors.ts'

/** One of our transports in the part of theirs. */
export function lendTransport(transport: Transport, log: Logger): TheirTransport {
  return {
    [transportSymbol]: true,
    [Symbol.toStringTag]: `@peerloom/${transport.name}`,
    async dial(address: Multiaddr, options: DialTransportOptions): Promise<TheirConnection> {
      const upgrader = bridgeTo(options.upgrader, log, options)
      try {
        return (await transport.dial(address, { signal: options.signal, upgrader })) as unknown as TheirConnection
      } catch (error) {
        throw toTheirError(error)
      }
    },
    createListener({ upgrader }: CreateListenerOptions): TheirListener {
      const stop = new AbortController()
      const bridge = bridgeTo(upgrader, log, { signal: stop.signal })
      return new LentListener(transport.createListener({ upgrader: bridge }), stop)
    },
    listenFilter: (addresses) => addresses.filter((address) => transport.canListen(address)),
    dialFilter: (addresses) => addresses.filter((address) => transport.canDial(address))
  }
}

class LentListener extends TypedEventEmitter<ListenerEvents> implements TheirListener {
  readonly #listener: Listener
  readonly #stop: AbortController

  constructor(listener: Listener, stop: AbortController) {
    super()
    this.#listener = listener
    this.#stop = stop
  }

  async listen(address: Multiaddr): Promise<void> {
    await this.#listener.listen(address)
    this.safeDispatchEvent('listening')
  }

  getAddrs(): Multiaddr[] {
    return this.#listener.addresses()
  }

  updateAnnounceAddrs(): void {}

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#listener.close()
    this.safeDispatchEvent('close')
  }
}

/** Their upgrader as ours. Our transports hand the connection through and look at nothing in it. */
function bridgeTo(
  theirs: TheirUpgrader,
  log: Logger,
  options: DialTransportOptions | { signal: AbortSignal }
): Upgrader {
  const link = (channel: Channel, direction: Direction, { remoteAddress }: UpgradeOptions): ChannelConnection =>
    new ChannelConnection(channel, { id: 'link', direction, log: log.newScope(direction), remoteAddr: remoteAddress })
  const refuse = async (): Promise<never> => {
    throw new PeerloomError(
      'ERR_NO_TRANSPORT',
      'a transport with its own security and muxer cannot be lent to js-libp2p'
    )
  }
  return {
    async upgradeOutbound(channel, upgradeOptions) {
      const connection = link(channel, 'outbound', upgradeOptions)
      try {
        return (await theirs.upgradeOutbound(connection, options)) as unknown as Connection
      } catch (error) {
        connection.abort(toError(error))
        throw error
      }
    },
    async upgradeInbound(channel, upgradeOptions) {
      const connection = link(channel, 'inbound', upgradeOptions)
      try {
        await theirs.upgradeInbound(connection, options)
      } catch (error) {
        connection.abort(toError(error))
      }
      return undefined
    },
    secure: refuse,
    adoptOutbound: refuse,
    adoptInbound: refuse,
    // Theirs decides in upgradeInbound.
    acceptInbound: () => true
  }
}
