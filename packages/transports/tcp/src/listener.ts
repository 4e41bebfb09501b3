import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { type Clock, type Listener, PeerloomError, type Upgrader } from '@peerloom/interface'
import { expandWildcard, fromSocket, resetSocket, SocketChannel, toSocketAddress } from '@peerloom/sockets'
import { createServer, type Server, type Socket } from 'node:net'

export interface TcpListenerOptions {
  readonly upgrader: Upgrader
  readonly clock: Clock
  readonly backlog: number
}

/** Accepts connections on one address. */
export class TcpListener implements Listener {
  readonly #options: TcpListenerOptions
  #server: Server | undefined
  #address: Multiaddr | undefined

  constructor(options: TcpListenerOptions) {
    this.#options = options
  }

  listen(address: Multiaddr): Promise<void> {
    const target = toSocketAddress(address)
    if (target === undefined || this.#server !== undefined) {
      const why = target === undefined ? 'not a TCP address' : 'the listener is in use'
      return Promise.reject(new PeerloomError('ERR_LISTEN', `cannot listen on ${address}: ${why}`))
    }
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true })
    this.#server = server
    this.#address = address
    server.on('connection', (socket) => this.#accept(socket))
    return new Promise((resolve, reject) => {
      server.once('error', (cause) => {
        this.#server = undefined
        reject(new PeerloomError('ERR_LISTEN', `cannot listen on ${address}: ${cause.message}`, { cause }))
      })
      server.listen({ ...target, backlog: this.#options.backlog, ipv6Only: true }, () => {
        server.removeAllListeners('error')
        // Running out of file descriptors, say: one connection is lost, the listener lives.
        server.on('error', () => {})
        resolve()
      })
    })
  }

  addresses(): Multiaddr[] {
    const bound = this.#server?.address()
    if (bound === undefined || bound === null || this.#address === undefined) return []
    if (typeof bound === 'string') return [this.#address]
    return expandWildcard(bound.address).map((host) => {
      const family = bound.family === 'IPv6' ? 'ip6' : 'ip4'
      return multiaddr(`/${family}/${host}/tcp/${bound.port}`)
    })
  }

  close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return Promise.resolve()
    // The server's own callback waits for its connections to end; the port is free as soon as the handle is closed.
    server.close()
    return new Promise((resolve) => setImmediate(resolve))
  }

  #accept(socket: Socket): void {
    const { upgrader, clock } = this.#options
    const remoteAddress = fromSocket(socket.remoteAddress, socket.remotePort) ?? (this.#address as Multiaddr)
    if (this.#server === undefined || !upgrader.acceptInbound(remoteAddress)) {
      socket.on('error', () => {})
      resetSocket(socket)
      return
    }
    const channel = new SocketChannel(socket, clock)
    const { localAddress } = channel
    void upgrader.upgradeInbound(channel, { transport: 'tcp', remoteAddress, localAddress })
  }
}
