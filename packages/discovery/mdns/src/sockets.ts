import type { Log } from '@peerloom/interface'
import { createSocket, type Socket } from 'node:dgram'
import type { NodeLink } from './links.ts'

const groups = { udp4: '224.0.0.251', udp6: 'ff02::fb' } as const
type Family = keyof typeof groups
const families = Object.keys(groups) as Family[]

export interface SocketsOptions {
  readonly port: number
  readonly log: Log
  readonly onPacket: (bytes: Uint8Array, source: string) => void
}

/**
 * One socket of each family hears what is said to the group on all links; one of each link and family, bound to the link's
 * address, speaks there. All share their port with whatever else on the machine does multicast DNS (RFC 6762 section 15.1).
 */
export class Sockets {
  readonly #options: SocketsOptions
  readonly #ears = new Map<Family, Socket>()
  readonly #mouths = new Map<NodeLink, Map<Family, Socket>>()
  readonly #deaf = new Set<Family>()
  #closed = false

  constructor(options: SocketsOptions) {
    this.#options = options
  }

  /** Brings sockets and memberships in line with the links; what failed before is tried again. Never rejects. */
  async update(links: readonly NodeLink[]): Promise<void> {
    for (const [link, mouths] of this.#mouths) {
      if (links.includes(link)) continue
      for (const [family, socket] of mouths) {
        void closed(socket)
        this.#leave(link, family)
      }
      this.#mouths.delete(link)
    }
    const opening: Promise<void>[] = []
    for (const family of families) {
      if (links.every((link) => addressOf(link, family) === undefined)) continue
      opening.push(this.#listen(family, links))
      for (const link of links) opening.push(this.#speak(link, family))
    }
    await Promise.all(opening)
  }

  /** Sends to the group on one link. Resolves when the packet has left, or was lost. */
  async send(link: NodeLink, bytes: Uint8Array): Promise<void> {
    const mouths = [...(this.#mouths.get(link) ?? [])]
    await Promise.all(mouths.map(([family, socket]) => this.#say(link, family, socket, bytes)))
  }

  async close(): Promise<void> {
    this.#closed = true
    const sockets = [...this.#ears.values(), ...[...this.#mouths.values()].flatMap((mouths) => [...mouths.values()])]
    this.#ears.clear()
    this.#mouths.clear()
    await Promise.all(sockets.map((socket) => closed(socket)))
  }

  #say(link: NodeLink, family: Family, socket: Socket, bytes: Uint8Array): Promise<void> {
    const group = family === 'udp6' ? `${groups.udp6}%${link.zone}` : groups.udp4
    return new Promise((resolve) => {
      const done = (error: Error | null): void => {
        if (error !== null) this.#lost(link, socket, error)
        resolve()
      }
      try {
        socket.send(bytes, this.#options.port, group, done)
      } catch (error) {
        done(error as Error)
      }
    })
  }

  async #listen(family: Family, links: readonly NodeLink[]): Promise<void> {
    if (!this.#ears.has(family)) {
      const socket = await this.#open(family, family === 'udp4' ? '0.0.0.0' : '::', (error) =>
        this.#silence(family, error)
      )
      if (socket === undefined) return
      this.#deaf.delete(family)
      this.#ears.set(family, socket)
      socket.once('close', () => this.#ears.delete(family))
    }
    const socket = this.#ears.get(family)
    for (const link of links) {
      const address = addressOf(link, family)
      if (address === undefined || socket === undefined) continue
      try {
        socket.addMembership(groups[family], family === 'udp4' ? address : `::%${link.zone}`)
      } catch (error) {
        // Joined already: there is no other way to find out whether an interface that is back has lost it.
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') this.#debug('%s cannot be joined', link.name, error)
      }
    }
  }

  async #speak(link: NodeLink, family: Family): Promise<void> {
    const address = addressOf(link, family)
    if (address === undefined || this.#mouths.get(link)?.has(family) === true) return
    const bound = isScoped(address) ? `${address}%${link.zone}` : address
    const socket = await this.#open(family, bound, (error) => this.#debug('%s cannot be bound', bound, error))
    if (socket === undefined) return
    try {
      socket.setMulticastInterface(family === 'udp4' ? address : `::%${link.zone}`)
      socket.setMulticastTTL(255)
      socket.setMulticastLoopback(true)
    } catch (error) {
      this.#lost(link, socket, error as Error)
      return
    }
    const mouths = this.#mouths.get(link) ?? new Map<Family, Socket>()
    mouths.set(family, socket)
    this.#mouths.set(link, mouths)
    socket.once('close', () => mouths.delete(family))
  }

  /** A bound socket; undefined when the system refuses, or this was closed meanwhile. */
  #open(family: Family, address: string, onError: (error: Error) => void): Promise<Socket | undefined> {
    const socket = createSocket({ type: family, reuseAddr: true, ipv6Only: family === 'udp6' })
    return new Promise((resolve) => {
      socket.on('error', (error) => {
        onError(error)
        resolve(undefined)
        void closed(socket)
      })
      socket.bind({ port: this.#options.port, address, exclusive: true }, () => {
        if (this.#closed) {
          void closed(socket)
          resolve(undefined)
          return
        }
        socket.on('message', (bytes, { address: source }) => this.#options.onPacket(bytes, source))
        resolve(socket)
      })
    })
  }

  /** The socket that could not send is made anew with the next update. */
  #lost(link: NodeLink, socket: Socket, error: Error): void {
    this.#debug('nothing can be sent on %s', link.name, error)
    void closed(socket)
  }

  #leave(link: NodeLink, family: Family): void {
    const address = addressOf(link, family)
    if (address === undefined) return
    try {
      this.#ears.get(family)?.dropMembership(groups[family], family === 'udp4' ? address : `::%${link.zone}`)
    } catch {
      // With its interface, the membership is gone.
    }
  }

  /** Worth a word, but not with each try. */
  #silence(family: Family, error: Error): void {
    if (this.#deaf.has(family)) return
    this.#deaf.add(family)
    this.#options.log.error('multicast DNS cannot be heard on %s port %d', family, this.#options.port, error)
  }

  #debug(message: string, ...values: unknown[]): void {
    if (this.#options.log.enabled) this.#options.log.debug(message, ...values)
  }
}

const addressOf = (link: NodeLink, family: Family): string | undefined => (family === 'udp4' ? link.ip4 : link.ip6)

/** Link-local addresses say nothing without their zone. */
const isScoped = (address: string): boolean => address.toLowerCase().startsWith('fe80:')

/** Closes a socket, unless that was done before. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    try {
      socket.close(() => resolve())
    } catch {
      resolve()
    }
  })
}
