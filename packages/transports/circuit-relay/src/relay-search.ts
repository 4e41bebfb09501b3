import { type NodeContext, type PeerId, type Timer, toError } from '@peerloom/interface'
import { hopProtocol } from './constants.ts'
import type { RelayLinks } from './relay-links.ts'

/** Entries of the address book that are looked at, and relays that are dialled, in one go. */
const maxLookedAt = 2000
const maxDials = 4
/** Peers of a walk that are dialled to be asked who they are. */
const maxWalk = 8

/**
 * Looks for relays that are not connected: those in the address book, then random peers of the network. Whoever turns out to
 * be a relay, identify tells.
 */
export class RelaySearch {
  readonly #node: NodeContext
  readonly #links: RelayLinks
  readonly #intervalMs: number
  readonly #onDue: () => void
  #running: AbortController | undefined
  #timer: Timer | undefined

  /** `onDue` is called when it may be worth another try. */
  constructor(node: NodeContext, links: RelayLinks, intervalMs: number, onDue: () => void) {
    this.#node = node
    this.#links = links
    this.#intervalMs = intervalMs
    this.#onDue = onDue
  }

  /** Looks for some, unless it did so lately. */
  begin(): void {
    if (this.#running !== undefined || this.#timer !== undefined) return
    const running = new AbortController()
    this.#running = running
    void this.#search(running.signal).finally(() => {
      if (this.#running !== running) return
      this.#running = undefined
      this.#timer = this.#node.clock.setTimeout(() => {
        this.#timer = undefined
        this.#onDue()
      }, this.#intervalMs)
    })
  }

  stop(error: Error): void {
    this.#running?.abort(error)
    this.#running = undefined
    this.#node.clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  async #search(signal: AbortSignal): Promise<void> {
    const log = this.#node.log('circuit-relay')
    try {
      const known = this.#known()
      await Promise.all(known.map((peer) => this.#tryDial(peer, signal)))
      if (known.length < maxDials) await this.#walk(signal)
    } catch (error) {
      if (log.enabled) log.debug('looking for relays failed', toError(error))
    }
  }

  /** Some relays of the address book, at random. */
  #known(): PeerId[] {
    const { peers, peerId, connections } = this.#node
    const found: PeerId[] = []
    let looked = 0
    for (const { id, protocols } of peers.all()) {
      if (++looked > maxLookedAt) break
      if (protocols.includes(hopProtocol) && !id.equals(peerId) && connections.list(id).length === 0) found.push(id)
    }
    const order = this.#node.random(found.length)
    return found
      .map((id, at) => ({ id, order: order[at] as number }))
      .toSorted((a, b) => a.order - b.order)
      .slice(0, maxDials)
      .map(({ id }) => id)
  }

  /** A walk to a random place: who lives there is as good as anybody. */
  async #walk(signal: AbortSignal): Promise<void> {
    const { routing, random, peers, peerId, connections } = this.#node
    const dials: Promise<void>[] = []
    for await (const { id, addresses } of routing.closestPeers(random(32), { signal })) {
      if (id.equals(peerId) || connections.list(id).length > 0) continue
      peers.addAddresses(id, addresses)
      if (dials.push(this.#tryDial(id, signal)) >= maxWalk) break
    }
    await Promise.all(dials)
  }

  async #tryDial(peer: PeerId, signal: AbortSignal): Promise<void> {
    try {
      await this.#links.to(peer, undefined, { signal })
    } catch (error) {
      const log = this.#node.log('circuit-relay')
      if (log.enabled) log.debug('%s, perhaps a relay, was not reached', peer.toString(), error)
    }
  }
}
