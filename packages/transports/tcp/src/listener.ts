import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { type Clock, type Listener, PeerloomError, toError, type Upgrader } from '@peerloom/interface'
import { claimPort, expandWildcard, type PortClaim, SocketChannel, toSocketAddress } from '@peerloom/sockets'
import type { Socket } from 'node:net'

export interface TcpListenerOptions {
  readonly upgrader: Upgrader
  readonly clock: Clock
  readonly backlog: number
}

/** Accepts connections on one address. */
export class TcpListener implements Listener {
  readonly #options: TcpListenerOptions
  #address: Multiaddr | undefined
  #claim: PortClaim | undefined

  constructor(options: TcpListenerOptions) {
    this.#options = options
  }

  async listen(address: Multiaddr): Promise<void> {
    const target = toSocketAddress(address)
    if (target === undefined || this.#address !== undefined) {
      const why = target === undefined ? 'not a TCP address' : 'the listener is in use'
      throw new PeerloomError('ERR_LISTEN', `cannot listen on ${address}: ${why}`)
    }
    this.#address = address
    try {
      const accept = (socket: Socket, remoteAddress: Multiaddr): void => this.#accept(socket, remoteAddress)
      const claim = await claimPort(target, { ...this.#options, kind: 'raw', address, accept })
      if (this.#address === address) this.#claim = claim
      else await claim.close() // closed while it was about to listen
    } catch (error) {
      this.#address = undefined
      const cause = toError(error)
      throw new PeerloomError('ERR_LISTEN', `cannot listen on ${address}: ${cause.message}`, { cause })
    }
  }

  addresses(): Multiaddr[] {
    const bound = this.#claim?.address()
    if (bound === undefined || this.#address === undefined) return []
    if (typeof bound === 'string') return [this.#address]
    return expandWildcard(bound.address).map((host) => {
      const family = bound.family === 'IPv6' ? 'ip6' : 'ip4'
      return multiaddr(`/${family}/${host}/tcp/${bound.port}`)
    })
  }

  async close(): Promise<void> {
    const claim = this.#claim
    this.#claim = undefined
    this.#address = undefined
    await claim?.close()
  }

  #accept(socket: Socket, remoteAddress: Multiaddr): void {
    const { upgrader, clock } = this.#options
    const channel = new SocketChannel(socket, clock)
    const { localAddress } = channel
    void upgrader.upgradeInbound(channel, { transport: 'tcp', remoteAddress, localAddress })
  }
}
