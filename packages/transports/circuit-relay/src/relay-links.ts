import type { Multiaddr } from '@multiformats/multiaddr'
import { isRelayed } from '@peerloom/addresses'
import {
  type AbortOptions,
  type Connection,
  type NodeContext,
  type PeerId,
  PeerloomError,
  toError
} from '@peerloom/interface'

const protectCircuit = 'circuit-relay:through'

/** Connections to relays: direct ones, for there is no relaying over a relay. */
export class RelayLinks {
  readonly #node: NodeContext
  readonly #dialTimeoutMs: number
  /** Dials that others may join. */
  readonly #dialling = new Map<string, Promise<Connection>>()
  /** Connections that go through a relay, with the relay. */
  readonly #carried = new Map<Connection, PeerId>()

  constructor(node: NodeContext, dialTimeoutMs: number) {
    this.#node = node
    this.#dialTimeoutMs = dialTimeoutMs
  }

  get carried(): number {
    return this.#carried.size
  }

  /** The newest open connection to the peer that goes through no relay. */
  direct(peer: PeerId): Connection | undefined {
    return this.#node.connections
      .list(peer)
      .findLast((one) => one.status === 'open' && one.limits === undefined && !isRelayed(one.remoteAddress))
  }

  /** A direct connection to a relay, under the address that is given or those that are known. Rejects like a dial. */
  async to(relay: PeerId, address: Multiaddr | undefined, options: AbortOptions): Promise<Connection> {
    options.signal?.throwIfAborted()
    const open = this.direct(relay)
    if (open !== undefined) return open
    const key = address?.toString() ?? relay.toString()
    let dialling = this.#dialling.get(key)
    if (dialling === undefined) {
      dialling = this.#dial(relay, address).finally(() => this.#dialling.delete(key))
      this.#dialling.set(key, dialling)
    }
    return abortable(dialling, options)
  }

  /** Keeps the connection to a relay while another one goes through it. */
  carry(connection: Connection, relay: PeerId): void {
    if (connection.status !== 'open') return
    this.#carried.set(connection, relay)
    this.#node.connections.protect(relay, protectCircuit)
  }

  /** A connection is over; it may have been one that a relay carried. */
  closed(connection: Connection): void {
    const relay = this.#carried.get(connection)
    if (relay === undefined) return
    this.#carried.delete(connection)
    for (const other of this.#carried.values()) if (other.equals(relay)) return
    this.#node.connections.unprotect(relay, protectCircuit)
  }

  async #dial(relay: PeerId, address: Multiaddr | undefined): Promise<Connection> {
    const addresses = address === undefined ? await this.#known(relay) : [address]
    if (addresses.length === 0) throw new PeerloomError('ERR_NO_ADDRESSES', `no direct address of ${relay} is known`)
    const named = addresses.map((one) =>
      one.getComponents().at(-1)?.name === 'p2p' ? one : one.encapsulate(`/p2p/${relay}`)
    )
    return this.#node.connections.dial(named, { timeoutMs: this.#dialTimeoutMs, force: true })
  }

  /** Never relayed ones: a relay behind a relay is of no use, and two that know each other so would never end. */
  async #known(relay: PeerId): Promise<Multiaddr[]> {
    const { peers, routing, clock } = this.#node
    const known = (peers.get(relay)?.addresses ?? []).map(({ address }) => address).filter((one) => !isRelayed(one))
    if (known.length > 0) return known
    const bound = new AbortController()
    const timer = clock.setTimeout(
      () => bound.abort(new PeerloomError('ERR_TIMEOUT', `looking for ${relay} took over ${this.#dialTimeoutMs} ms`)),
      this.#dialTimeoutMs
    )
    try {
      const found = await abortable(routing.findPeer(relay, { signal: bound.signal }), { signal: bound.signal })
      return found.addresses.filter((one) => !isRelayed(one))
    } catch (cause) {
      throw new PeerloomError('ERR_NO_ADDRESSES', `no direct address of ${relay} is known`, { cause })
    } finally {
      clock.clearTimeout(timer)
    }
  }
}

/** One caller's wait ends with its signal; the work goes on for the others. */
function abortable<T>(work: Promise<T>, { signal }: AbortOptions): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(toError(signal.reason))
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
