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
  #closed = false

  constructor(options: SocketsOptions) {
    this.#options = options
  }

  /** Brings sockets and memberships in line with the links; what failed before is tried again. Never rejects. */
  async update(links: readonly NodeLink[]): Promise<void> {
    for (const [link, mouths] of this.#mouths) {
      if (links.includes(link)) continue
      for (const [family, socket] of mouths) {
        socket.close()
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
    await Promise.all(
      mouths.map(
        ([family, socket]) =>
          new Promise<void>((resolve) => {
            const group = family === 'udp6' ? `${groups.udp6}%${link.zone}` : groups.udp4
            socket.send(bytes, this.#options.port, group, (error) => {
              if (error !== null) this.#lost(link, family, error)
              resolve()
            })
          })
      )
    )
  }

  async close(): Promise<void> {
    this.#closed = true
    const sockets = [...this.#ears.values(), ...[...this.#mouths.values()].flatMap((mouths) => [...mouths.values()])]
    this.#ears.clear()
    this.#mouths.clear()
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))))
  }

  async #listen(family: Family, links: readonly NodeLink[]): Promise<void> {
    if (!this.#ears.has(family)) {
      const socket = await this.#open(family, family === 'udp4' ? '0.0.0.0' : '::')
      if (socket === undefined) return
      this.#ears.set(family, socket)
      socket.once('close', () => {
        if (this.#ears.get(family) === socket) this.#ears.delete(family)
      })
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
    const socket = await this.#open(family, isScoped(address) ? `${address}%${link.zone}` : address)
    if (socket === undefined) return
    try {
      socket.setMulticastInterface(family === 'udp4' ? address : `::%${link.zone}`)
      socket.setMulticastTTL(255)
      socket.setMulticastLoopback(true)
    } catch (error) {
      this.#debug('nothing can be sent on %s', link.name, error)
      socket.close()
      return
    }
    const mouths = this.#mouths.get(link) ?? new Map<Family, Socket>()
    mouths.set(family, socket)
    this.#mouths.set(link, mouths)
  }

  /** A bound socket; undefined when the system refuses, or this was closed meanwhile. */
  #open(family: Family, address: string): Promise<Socket | undefined> {
    const socket = createSocket({ type: family, reuseAddr: true, ipv6Only: family === 'udp6' })
    return new Promise((resolve) => {
      socket.once('error', (error) => {
        this.#debug('%s cannot be bound', address, error)
        resolve(undefined)
        // A socket that failed to bind is open; one that failed later is not to be heard any more.
        socket.close()
      })
      socket.bind({ port: this.#options.port, address, exclusive: true }, () => {
        if (this.#closed) {
          socket.close()
          resolve(undefined)
          return
        }
        socket.on('message', (bytes, { address: source }) => this.#options.onPacket(bytes, source))
        resolve(socket)
      })
    })
  }

  /** The socket that could not send is made anew with the next update. */
  #lost(link: NodeLink, family: Family, error: Error): void {
    this.#debug('a packet was lost on %s', link.name, error)
    const socket = this.#mouths.get(link)?.get(family)
    if (socket === undefined) return
    this.#mouths.get(link)?.delete(family)
    socket.close()
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

  #debug(message: string, ...values: unknown[]): void {
    if (this.#options.log.enabled) this.#options.log.debug(message, ...values)
  }
}

const addressOf = (link: NodeLink, family: Family): string | undefined => (family === 'udp4' ? link.ip4 : link.ip6)

/** Link-local addresses say nothing without their zone. */
const isScoped = (address: string): boolean => address.toLowerCase().startsWith('fe80:')
