import type { Multiaddr } from '@multiformats/multiaddr'
import { type Clock, PeerloomError, type Upgrader } from '@peerloom/interface'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { fromSocket, type SocketAddress } from './address.ts'
import { resetSocket } from './reset-socket.ts'
import { type LinkKind, sniff } from './sniff.ts'
import { WaitingSockets } from './waiting-sockets.ts'

/** Bounds on links of a shared port that have not said what they are. */
const sniffTimeoutMs = 10_000
const maxSniffing = 1024

export interface PortClaimOptions {
  /** Whose port it is: listeners of one node share, those of different nodes find the address in use. */
  readonly upgrader: Upgrader
  readonly clock: Clock
  /** What the listener takes; two of a kind do not share. */
  readonly kind: LinkKind
  /** Where it listens, for links that have no address of their own (unix sockets). */
  readonly address: Multiaddr
  readonly backlog?: number
  /** A link that the node wants. Its first bytes are still to be read. */
  accept(socket: Socket, remoteAddress: Multiaddr): void
}

/** A listener's hold on a port. */
export interface PortClaim {
  /** Where it is bound; undefined when closed. A string for a unix socket. */
  address(): AddressInfo | string | undefined
  /** The port is free, or left to those who share it, when this resolves. */
  close(): Promise<void>
}

/** Servers by host and port, for each node. */
const servers = new WeakMap<Upgrader, Map<string, SharedServer>>()

/**
 * Listens, or joins a server of the same node that listens there already. With several kinds on one port, the first bytes
 * of a link tell whose it is; a server of one kind looks at nothing. Rejects with the system's error.
 */
export async function claimPort(target: SocketAddress, options: PortClaimOptions): Promise<PortClaim> {
  const { upgrader, kind } = options
  const own = servers.get(upgrader) ?? new Map<string, SharedServer>()
  servers.set(upgrader, own)
  const key = 'path' in target ? target.path : `${target.host} ${target.port}`
  let server = own.get(key)
  if (server?.has(kind) === true) throw new PeerloomError('ERR_LISTEN', 'another listener of this node is there')
  const isShared = server !== undefined
  server ??= new SharedServer(own, options.clock, upgrader)
  server.add(options)
  try {
    if (isShared) await server.listening
    else await server.listen(target, key, options.backlog)
  } catch (error) {
    await server.remove(kind)
    throw error
  }
  const claimed = server
  let closed = false
  return {
    address: () => (closed ? undefined : claimed.address()),
    close: async () => {
      if (closed) return
      closed = true
      await claimed.remove(kind)
    }
  }
}

class SharedServer {
  listening: Promise<void> = Promise.resolve()
  readonly #own: Map<string, SharedServer>
  readonly #upgrader: Upgrader
  readonly #claims = new Map<LinkKind, PortClaimOptions>()
  readonly #server: Server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true })
  readonly #sniffing: WaitingSockets
  #key = ''

  constructor(own: Map<string, SharedServer>, clock: Clock, upgrader: Upgrader) {
    this.#own = own
    this.#upgrader = upgrader
    this.#sniffing = new WaitingSockets({ clock, max: maxSniffing, timeoutMs: sniffTimeoutMs })
    this.#server.on('connection', (socket: Socket) => this.#accept(socket))
  }

  has(kind: LinkKind): boolean {
    return this.#claims.has(kind)
  }

  add(claim: PortClaimOptions): void {
    this.#claims.set(claim.kind, claim)
  }

  listen(target: SocketAddress, key: string, backlog = 511): Promise<void> {
    const server = this.#server
    // Port 0 is a new port for everyone: it gets its name when it is known.
    if (!('port' in target) || target.port !== 0) this.#register(key)
    this.listening = new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ ...target, backlog, ipv6Only: true }, () => {
        server.removeAllListeners('error')
        // Running out of file descriptors, say: one connection is lost, the server lives.
        server.on('error', () => {})
        const bound = server.address()
        if ('host' in target && bound !== null && typeof bound === 'object')
          this.#register(`${target.host} ${bound.port}`)
        resolve()
      })
    })
    return this.listening
  }

  address(): AddressInfo | string | undefined {
    return this.#server.address() ?? undefined
  }

  remove(kind: LinkKind): Promise<void> {
    this.#claims.delete(kind)
    if (this.#claims.size > 0) return Promise.resolve()
    if (this.#own.get(this.#key) === this) this.#own.delete(this.#key)
    this.#sniffing.close()
    // The server's own callback waits for its connections to end; the port is free as soon as the handle is closed.
    if (this.#server.listening) this.#server.close()
    return new Promise((resolve) => setImmediate(resolve))
  }

  #register(key: string): void {
    this.#key = key
    this.#own.set(key, this)
  }

  #accept(socket: Socket): void {
    const [only] = this.#claims.values()
    const remoteAddress = fromSocket(socket.remoteAddress, socket.remotePort) ?? only?.address
    if (only === undefined || remoteAddress === undefined || !this.#upgrader.acceptInbound(remoteAddress)) {
      socket.on('error', () => {})
      resetSocket(socket)
    } else if (this.#claims.size === 1) only.accept(socket, remoteAddress)
    else this.#sniff(socket, remoteAddress)
  }

  #sniff(socket: Socket, remoteAddress: Multiaddr): void {
    let seen: Uint8Array = new Uint8Array(0)
    const settle = (): void => {
      this.#sniffing.remove(socket)
      socket.off('readable', onReadable)
      socket.off('end', giveUp)
      socket.off('close', settle)
      socket.off('error', ignore)
    }
    const giveUp = (): void => {
      settle()
      socket.on('error', ignore)
      resetSocket(socket)
    }
    const onReadable = (): void => {
      for (let bytes = socket.read() as Uint8Array | null; bytes !== null; bytes = socket.read() as Uint8Array | null) {
        seen = seen.length === 0 ? bytes : joined(seen, bytes)
      }
      const kind = sniff(seen)
      if (kind === undefined) return
      const claim = this.#claims.get(kind) ?? this.#claims.get('raw')
      if (claim === undefined) {
        giveUp()
        return
      }
      settle()
      socket.unshift(seen)
      claim.accept(socket, remoteAddress)
    }
    this.#sniffing.add(socket)
    socket.on('readable', onReadable)
    socket.on('end', giveUp)
    socket.on('close', settle)
    socket.on('error', ignore)
  }
}

const ignore = (): void => {}

function joined(one: Uint8Array, two: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + two.length)
  both.set(one)
  both.set(two, one.length)
  return both
}
