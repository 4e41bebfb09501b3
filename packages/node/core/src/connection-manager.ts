import {
  type AbortOptions,
  type Clock,
  type Connection,
  type Connections,
  type DialTarget,
  type Events,
  type Log,
  type NodeDialOptions,
  type NodeEvents,
  type OpenStreamOptions,
  type PeerId,
  PeerloomError,
  type PeerStore,
  type Stream,
  type Timer,
  toError
} from '@peerloom/interface'
import type { PeerConnection } from './connection.ts'
import { type Dialer, parseTarget } from './dialer.ts'
import { Semaphore } from './semaphore.ts'

export interface ConnectionManagerOptions {
  /** Above this many connections the least useful are closed. Default 300. */
  readonly highWater?: number
  /** Trimming stops at this many. Default 240. */
  readonly lowWater?: number
  /** A young connection is not trimmed, in ms. Default 60,000. */
  readonly graceMs?: number
  /** Peers tagged with this, or with it and `:…`, are dialled again when they are lost. Default `keep-alive`. */
  readonly keepAliveTag?: string
}

export const defaultConnectionManagerOptions: Required<ConnectionManagerOptions> = {
  highWater: 300,
  lowWater: 240,
  graceMs: 60_000,
  keepAliveTag: 'keep-alive'
}

/** Waits between tries to reach a lost keep-alive peer: doubling from the first to the last. */
const reconnectFirstMs = 1000
const reconnectLastMs = 5 * 60_000
/** Keep-alive peers that are dialled at once; the others wait their turn. */
const maxReconnecting = 128
/** Bound on the graceful close of one connection. */
const closeTimeoutMs = 5000

export interface ConnectionManagerParts {
  readonly clock: Clock
  readonly events: Events<NodeEvents>
  readonly peers: PeerStore
  readonly log: Log
  readonly dialer: () => Dialer
  readonly options: Required<ConnectionManagerOptions>
}

/** Knows the open connections, keeps their number in bounds, and wins back peers that matter. */
export class ConnectionManager implements Connections {
  readonly #parts: ConnectionManagerParts
  readonly #byPeer = new Map<string, PeerConnection[]>()
  readonly #protected = new Map<string, Set<string>>()
  readonly #reconnecting = new Map<string, { timer: Timer; delayMs: number }>()
  readonly #reconnectSlots = new Semaphore(maxReconnecting)
  #count = 0
  #stopping = true

  constructor(parts: ConnectionManagerParts) {
    this.#parts = parts
  }

  /** Open connections. */
  get size(): number {
    return this.#count
  }

  /** Peers that are being won back. */
  get reconnecting(): number {
    return this.#reconnecting.size
  }

  start(): void {
    this.#stopping = false
    for (const entry of this.#parts.peers.all()) if (this.#isKeptAlive(entry.id)) this.#reconnect(entry.id, 0)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    for (const { timer } of this.#reconnecting.values()) this.#parts.clock.clearTimeout(timer)
    this.#reconnecting.clear()
    await Promise.all(this.list().map((connection) => this.#close(connection)))
    this.#protected.clear()
  }

  opened(connection: PeerConnection): void {
    const { events, peers } = this.#parts
    if (this.#stopping) {
      connection.abort(new PeerloomError('ERR_STOPPED', 'the node is stopping'))
      return
    }
    const key = connection.remotePeer.toString()
    const others = this.#byPeer.get(key)
    this.#count++
    if (others === undefined) {
      this.#byPeer.set(key, [connection])
      peers.setConnected(connection.remotePeer, true)
    } else {
      others.push(connection)
    }
    this.#forgetReconnect(key)
    if (connection.remoteKey !== undefined) peers.patch(connection.remotePeer, { publicKey: connection.remoteKey })
    events.emit('connection:open', connection)
    if (others === undefined) events.emit('peer:connect', connection.remotePeer)
    if (this.#count > this.#parts.options.highWater) this.#trim()
  }

  closed(connection: PeerConnection, error: Error | undefined): void {
    const key = connection.remotePeer.toString()
    const connections = this.#byPeer.get(key)
    const at = connections?.indexOf(connection) ?? -1
    if (connections === undefined || at < 0) return
    connections.splice(at, 1)
    this.#count--
    const last = connections.length === 0
    if (last) {
      this.#byPeer.delete(key)
      this.#parts.peers.setConnected(connection.remotePeer, false)
    }
    this.#parts.events.emit('connection:close', { connection, error })
    if (!last) return
    this.#parts.events.emit('peer:disconnect', connection.remotePeer)
    if (this.#isKeptAlive(connection.remotePeer)) this.#reconnect(connection.remotePeer, reconnectFirstMs)
  }

  list(peer?: PeerId): readonly PeerConnection[] {
    if (peer !== undefined) return [...(this.#byPeer.get(peer.toString()) ?? [])]
    return [...this.#byPeer.values()].flat()
  }

  /** Peers with an open connection, each with its newest. */
  *peers(): Iterable<readonly [PeerId, PeerConnection]> {
    for (const connections of this.#byPeer.values()) {
      const newest = connections.at(-1)
      if (newest !== undefined) yield [newest.remotePeer, newest]
    }
  }

  async dial(target: DialTarget, options: NodeDialOptions = {}): Promise<Connection> {
    if (this.#stopping) throw new PeerloomError('ERR_NOT_STARTED', 'the node is not started, or is stopping')
    const parsed = parseTarget(target)
    if (parsed.peer !== undefined && options.force !== true) {
      const open = this.#best(parsed.peer)
      if (open !== undefined && (open.limits === undefined || parsed.given.length === 0)) return open
    }
    return this.#parts.dialer().dial(parsed, options)
  }

  async openStream(
    target: Connection | DialTarget,
    protocols: string | readonly string[],
    options: NodeDialOptions & OpenStreamOptions = {}
  ): Promise<Stream> {
    const connection = isConnection(target) ? target : await this.dial(target, options)
    return connection.openStream(protocols, options)
  }

  async hangUp(peer: PeerId, options?: AbortOptions): Promise<void> {
    this.#forgetReconnect(peer.toString())
    await Promise.all(this.list(peer).map((connection) => this.#close(connection, options)))
  }

  protect(peer: PeerId, reason: string): void {
    const key = peer.toString()
    const reasons = this.#protected.get(key)
    if (reasons === undefined) this.#protected.set(key, new Set([reason]))
    else reasons.add(reason)
  }

  unprotect(peer: PeerId, reason: string): void {
    const key = peer.toString()
    const reasons = this.#protected.get(key)
    if (reasons?.delete(reason) === true && reasons.size === 0) this.#protected.delete(key)
  }

  /** The connection to use: one without limits before a limited one, then the newest. */
  #best(peer: PeerId): PeerConnection | undefined {
    const open = (this.#byPeer.get(peer.toString()) ?? []).filter((connection) => connection.status === 'open')
    return open.findLast((connection) => connection.limits === undefined) ?? open.at(-1)
  }

  async #close(connection: Connection, options: AbortOptions = {}): Promise<void> {
    const { clock } = this.#parts
    const timer = clock.setTimeout(
      () => connection.abort(new PeerloomError('ERR_TIMEOUT', `closing took over ${closeTimeoutMs} ms`)),
      closeTimeoutMs
    )
    try {
      await connection.close(options)
    } catch (error) {
      connection.abort(toError(error))
    } finally {
      clock.clearTimeout(timer)
    }
  }

  /** Closes the connections that are worth least: unprotected, old enough, lowest tags, fewest streams. */
  #trim(): void {
    const { clock, peers, options, log } = this.#parts
    const now = clock.now()
    const value = (connection: PeerConnection): number => {
      let sum = 0
      for (const tag of peers.get(connection.remotePeer)?.tags.values() ?? []) sum += tag.value
      return sum
    }
    const candidates = this.list()
      .filter((one) => !this.#protected.has(one.remotePeer.toString()) && now - one.openedAt >= options.graceMs)
      .map((connection) => ({ connection, value: value(connection), streams: connection.streamCount }))
      .toSorted((a, b) => a.value - b.value || a.streams - b.streams || a.connection.openedAt - b.connection.openedAt)
    for (const { connection } of candidates.slice(0, Math.max(0, this.#count - options.lowWater))) {
      if (log.enabled) log.debug('trimming the connection to %s', connection.remotePeer.toString())
      void this.#close(connection)
    }
  }

  #isKeptAlive(peer: PeerId): boolean {
    const { keepAliveTag } = this.#parts.options
    for (const name of this.#parts.peers.get(peer)?.tags.keys() ?? []) {
      if (name === keepAliveTag || name.startsWith(`${keepAliveTag}:`)) return true
    }
    return false
  }

  #reconnect(peer: PeerId, delayMs: number): void {
    const key = peer.toString()
    if (this.#stopping || this.#reconnecting.has(key) || this.#byPeer.has(key)) return
    const entry = { timer: this.#parts.clock.setTimeout(() => void this.#tryAgain(peer), delayMs), delayMs }
    this.#reconnecting.set(key, entry)
  }

  async #tryAgain(peer: PeerId): Promise<void> {
    const { log } = this.#parts
    const key = peer.toString()
    const entry = this.#reconnecting.get(key)
    if (entry === undefined) return
    const leave = await this.#reconnectSlots.enter()
    try {
      // It may have come back by itself, or been given up, while it waited.
      if (this.#reconnecting.get(key) === entry) await this.dial(peer, { force: true })
    } catch (error) {
      if (log.enabled) log.debug('%s is still away', key, error)
    } finally {
      leave()
    }
    if (this.#reconnecting.get(key) !== entry) return
    this.#reconnecting.delete(key)
    if (!this.#byPeer.has(key) && this.#isKeptAlive(peer)) {
      this.#reconnect(peer, Math.min(Math.max(entry.delayMs * 2, reconnectFirstMs), reconnectLastMs))
    }
  }

  #forgetReconnect(key: string): void {
    const entry = this.#reconnecting.get(key)
    if (entry === undefined) return
    this.#parts.clock.clearTimeout(entry.timer)
    this.#reconnecting.delete(key)
  }
}

const isConnection = (target: Connection | DialTarget): target is Connection =>
  typeof target === 'object' && 'openStream' in target
