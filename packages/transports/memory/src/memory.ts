import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import {
  type AbortOptions,
  type Channel,
  type Clock,
  type Connection,
  type DialOptions,
  type Listener,
  type ListenOptions,
  PeerloomError,
  type Transport,
  type Upgrader
} from '@peerloom/interface'
import { channelPair } from '@peerloom/streams'
import { defaultNetwork, type MemoryNetwork } from './network.ts'

export interface MemoryOptions {
  /** The address space to live in. Default: one that all nodes of the process share. */
  readonly network?: MemoryNetwork
  /** Makes the two ends of a link to a name, ours first: for links that take time. Default: a pair without delay. */
  readonly link?: (name: string, options: AbortOptions) => Promise<readonly [near: Channel, far: Channel]>
}

/** `/memory/<name>`, with an optional `/p2p/…`; undefined for other addresses. */
function nameOf(address: Multiaddr): string | undefined {
  const [first, second, third] = address.getComponents()
  if (first?.name !== 'memory' || third !== undefined || (second !== undefined && second.name !== 'p2p'))
    return undefined
  return first.value
}

export class MemoryTransport implements Transport {
  readonly name = 'memory'
  readonly #clock: Clock
  readonly #network: MemoryNetwork
  readonly #link: MemoryOptions['link']

  constructor(clock: Clock, options: MemoryOptions) {
    this.#clock = clock
    this.#network = options.network ?? defaultNetwork
    this.#link = options.link
  }

  canDial(address: Multiaddr): boolean {
    return nameOf(address) !== undefined
  }

  canListen(address: Multiaddr): boolean {
    return nameOf(address) !== undefined
  }

  async dial(address: Multiaddr, options: DialOptions): Promise<Connection> {
    options.signal?.throwIfAborted()
    options.onStage?.('connect')
    const name = nameOf(address)
    if (name === undefined) throw new PeerloomError('ERR_NO_TRANSPORT', `${address} is not a memory address`)
    const unreachable = (): Error => new PeerloomError('ERR_ADDRESS_UNREACHABLE', `nobody listens on ${address}`)
    if (this.#network.find(name) === undefined) throw unreachable()
    const [near, far] = (await this.#link?.(name, options)) ?? channelPair(this.#clock)
    // The link may have taken its time.
    const accept = this.#network.find(name)
    if (accept === undefined) {
      near.abort(unreachable())
      throw unreachable()
    }
    const from = this.#network.freeName()
    accept(far, from)
    return options.upgrader.upgradeOutbound(near, {
      ...options,
      transport: this.name,
      remoteAddress: address,
      localAddress: multiaddr(`/memory/${from}`)
    })
  }

  createListener(options: ListenOptions): Listener {
    return new MemoryListener(this.#network, options.upgrader)
  }
}

class MemoryListener implements Listener {
  readonly #network: MemoryNetwork
  readonly #upgrader: Upgrader
  #name: string | undefined

  constructor(network: MemoryNetwork, upgrader: Upgrader) {
    this.#network = network
    this.#upgrader = upgrader
  }

  listen(address: Multiaddr): Promise<void> {
    if (this.#name !== undefined) {
      return Promise.reject(new PeerloomError('ERR_LISTEN', `cannot listen on ${address}: the listener is in use`))
    }
    const wanted = nameOf(address)
    // As with port 0, /memory/0 asks for any free name.
    const name = wanted === '0' ? this.#network.freeName() : wanted
    const listening =
      name !== undefined &&
      this.#network.listen(name, (channel, from) => {
        const remoteAddress = multiaddr(`/memory/${from}`)
        if (!this.#upgrader.acceptInbound(remoteAddress)) {
          channel.abort(new PeerloomError('ERR_GATED', 'refused'))
          return
        }
        const localAddress = multiaddr(`/memory/${name}`)
        void this.#upgrader.upgradeInbound(channel, { transport: 'memory', remoteAddress, localAddress })
      })
    if (!listening)
      return Promise.reject(
        new PeerloomError(
          'ERR_LISTEN',
          `cannot listen on ${address}: ${wanted === undefined ? 'not a memory address' : 'taken'}`
        )
      )
    this.#name = name
    return Promise.resolve()
  }

  addresses(): Multiaddr[] {
    return this.#name === undefined ? [] : [multiaddr(`/memory/${this.#name}`)]
  }

  close(): Promise<void> {
    if (this.#name !== undefined) this.#network.close(this.#name)
    this.#name = undefined
    return Promise.resolve()
  }
}
