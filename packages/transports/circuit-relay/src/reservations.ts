import type { Multiaddr } from '@multiformats/multiaddr'
import { isRelayed } from '@peerloom/addresses'
import { parsePeerId } from '@peerloom/identity'
import {
  type Connection,
  isPeerloomError,
  type NodeContext,
  type PeerId,
  PeerloomError,
  type Timer,
  type Unsubscribe
} from '@peerloom/interface'
import { throughRelay } from './circuit-address.ts'
import type { CircuitRelayOptions } from './client-options.ts'
import { hopProtocol } from './constants.ts'
import { type Granted, reserve } from './hop-client.ts'
import { preferPublic } from './own-addresses.ts'
import { RelaySearch } from './relay-search.ts'
import type { RelayLinks } from './relay-links.ts'
import { type Ask, ReservationKeeper } from './reservation-keeper.ts'

const protectReservation = 'circuit-relay:relay'
/** Addresses of one relay that we tell as ours. */
const maxAddresses = 8

interface StaticRelay {
  readonly address: Multiaddr | undefined
  listeners: number
}

interface Held {
  readonly id: PeerId
  addresses: readonly string[]
  readonly remove: (() => void)[]
}

/** A reservation, as plain data. */
export interface ReservationSnapshot {
  readonly relay: string
  readonly status: string
  readonly isStatic: boolean
  readonly failures: number
  readonly expiresAt: number | undefined
  /** Ours, through this relay. */
  readonly addresses: readonly string[]
}

/** Keeps the node's reservations: does what the keeper says, and tells the node its relayed addresses. */
export class Reservations {
  readonly #node: NodeContext
  readonly #options: Required<CircuitRelayOptions>
  readonly #links: RelayLinks
  readonly #keeper: ReservationKeeper
  readonly #search: RelaySearch
  readonly #static = new Map<string, StaticRelay>()
  readonly #held = new Map<string, Held>()
  #listeningAny = 0
  #stopping = new AbortController()
  #running = false
  #unwatch: Unsubscribe | undefined
  #timer: Timer | undefined

  constructor(node: NodeContext, options: Required<CircuitRelayOptions>, links: RelayLinks) {
    this.#node = node
    this.#options = options
    this.#links = links
    this.#keeper = new ReservationKeeper({
      ...options,
      random: () => new DataView(node.random(4).buffer).getUint32(0) / 2 ** 32
    })
    this.#search = new RelaySearch(node, links, options.searchIntervalMs, () => this.#run())
  }

  start(): void {
    this.#running = true
    this.#stopping = new AbortController()
    this.#unwatch = this.#node.protocols.watch({
      protocols: [hopProtocol],
      onConnect: (peer, connection) => {
        if (isRelayed(connection.remoteAddress)) return
        this.#keeper.offer(peer.toString())
        this.#run()
      },
      onDisconnect: (peer) => this.#lost(peer)
    })
  }

  stop(): void {
    const stopped = new PeerloomError('ERR_STOPPED', 'the node is stopping')
    this.#running = false
    this.#stopping.abort(stopped)
    this.#unwatch?.()
    this.#search.stop(stopped)
    this.#node.clock.clearTimeout(this.#timer)
    for (const name of [...this.#held.keys()]) {
      this.#keeper.withdraw(name, this.#node.clock.now())
      this.#end(name)
    }
  }

  /** Listens at any relays, until what it returns is called. */
  listenAny(): () => void {
    this.#listeningAny++
    this.#keeper.setWanted(this.#options.relays)
    this.#run()
    return () => {
      this.#listeningAny--
      this.#keeper.setWanted(this.#listeningAny === 0 ? 0 : this.#options.relays)
      this.#run()
    }
  }

  /** Listens at one relay, until what it returns is called. */
  listenAt(relay: PeerId, address: Multiaddr | undefined): () => void {
    const name = relay.toString()
    const before = this.#static.get(name)
    if (before === undefined) this.#static.set(name, { address, listeners: 1 })
    else before.listeners++
    this.#keeper.addStatic(name)
    this.#run()
    return () => {
      const now = this.#static.get(name)
      if (now === undefined || --now.listeners > 0) return
      this.#static.delete(name)
      this.#keeper.removeStatic(name)
      this.#run()
    }
  }

  /** Whether the peer is a relay of ours, or about to become one. */
  serves(peer: PeerId): boolean {
    return this.#keeper.knows(peer.toString())
  }

  /** A connection is over: if it was the last one that counts, the relay has forgotten us. */
  closed({ remotePeer }: Connection): void {
    if (this.#links.direct(remotePeer) === undefined) this.#lost(remotePeer)
  }

  inspect(): ReservationSnapshot[] {
    return this.#keeper.inspect().map((one) => ({ ...one, addresses: this.#held.get(one.relay)?.addresses ?? [] }))
  }

  #lost(relay: PeerId): void {
    const name = relay.toString()
    if (this.#keeper.withdraw(name, this.#node.clock.now())) this.#end(name)
    this.#run()
  }

  #run(): void {
    if (!this.#running) return
    const { clock } = this.#node
    const now = clock.now()
    clock.clearTimeout(this.#timer)
    this.#timer = undefined
    const { ask, ended, isShort, wakeAt } = this.#keeper.step(now)
    for (const name of ended) this.#end(name)
    for (const one of ask) void this.#ask(one)
    if (isShort) this.#search.begin()
    if (wakeAt !== undefined) this.#timer = clock.setTimeout(() => this.#run(), wakeAt - now)
  }

  async #ask(ask: Ask): Promise<void> {
    const { clock, peerId } = this.#node
    const { signal } = this.#stopping
    const relay = parsePeerId(ask.relay)
    const timeoutMs = this.#options.reserveTimeoutMs
    try {
      const connection = await this.#links.to(relay, this.#static.get(ask.relay)?.address, { signal })
      const stream = await connection.openStream(hopProtocol, { timeoutMs, signal })
      const granted = await reserve(stream, peerId, { clock, timeoutMs, signal })
      if (this.#links.direct(relay) === undefined) {
        throw new PeerloomError('ERR_CONNECTION_CLOSED', `${ask.relay} was lost meanwhile`)
      }
      if (this.#running && this.#keeper.granted(ask, granted.expiresAt, clock.now())) {
        this.#begin(relay, granted, connection)
      }
    } catch (error) {
      const log = this.#node.log('circuit-relay')
      if (log.enabled) log.debug('no reservation at %s', ask.relay, error)
      if (this.#keeper.failed(ask, isRefusal(error), clock.now())) this.#end(ask.relay)
    }
    this.#run()
  }

  /** A reservation is there, or has more time: the addresses that come with it are ours. */
  #begin(id: PeerId, granted: Granted, connection: Connection): void {
    const { addresses, connections } = this.#node
    const name = id.toString()
    const fresh = this.#through(name, granted, connection)
    const before = this.#held.get(name)
    const texts = fresh.map(String)
    if (before !== undefined && texts.join() === before.addresses.join()) return
    const remove = fresh.map((address) => addresses.add(address, 'relayed'))
    before?.remove.forEach((one) => one())
    this.#held.set(name, { id, addresses: texts, remove })
    connections.protect(id, protectReservation)
  }

  #through(relay: string, granted: Granted, connection: Connection): Multiaddr[] {
    const given = this.#static.get(relay)?.address
    const candidates = [
      ...(given === undefined ? [] : [given]),
      ...granted.addresses,
      // The other end of an inbound connection is no port that the relay listens on.
      ...(connection.direction === 'outbound' ? [connection.remoteAddress] : [])
    ]
    const through = new Map<string, Multiaddr>()
    for (const address of preferPublic(candidates)) {
      const ours = throughRelay(address, relay)
      if (through.size < maxAddresses) through.set(ours.toString(), ours)
    }
    return [...through.values()]
  }

  #end(name: string): void {
    const held = this.#held.get(name)
    if (held === undefined) return
    this.#held.delete(name)
    for (const remove of held.remove) remove()
    this.#node.connections.unprotect(held.id, protectReservation)
  }
}

/** The relay has answered, and it will not be us; everything else may be the line. */
const isRefusal = (error: unknown): boolean =>
  isPeerloomError(error) &&
  ['ERR_RELAY', 'ERR_PROTOCOL_VIOLATION', 'ERR_DECODE', 'ERR_UNSUPPORTED_PROTOCOL', 'ERR_INVALID_RECORD'].includes(
    error.code
  )
