import { peerIdFromBytes, parsePeerId } from '@peerloom/identity'
import type { NodeContext, PeerId } from '@peerloom/interface'
import type { Recommended } from './router.ts'

export interface ConnectorLimits {
  /** Peers dialled at once. Default 8. */
  readonly maxParallelDials: number
  /** Peers that wait to be dialled; more are left out. Default 128. */
  readonly maxPendingDials: number
  /** Bound on one dial, in ms. Default 30,000. */
  readonly dialTimeoutMs: number
}

export const defaultConnectorLimits: ConnectorLimits = {
  maxParallelDials: 8,
  maxPendingDials: 128,
  dialTimeoutMs: 30_000
}

/** Connects to peers that a router finds worth it: explicit ones, and recommended ones whose records are signed by them. */
export class Connector {
  readonly #node: NodeContext
  readonly #limits: ConnectorLimits
  readonly #waiting: (Recommended | PeerId)[] = []
  /** Waiting or being dialled, by name. */
  readonly #known = new Set<string>()
  #running = 0
  #stop = new AbortController()

  constructor(node: NodeContext, limits: ConnectorLimits) {
    this.#node = node
    this.#limits = limits
  }

  get pending(): number {
    return this.#known.size
  }

  start(): void {
    this.#stop = new AbortController()
  }

  stop(reason: Error): void {
    this.#waiting.length = 0
    this.#known.clear()
    this.#stop.abort(reason)
  }

  connect(peers: readonly (Recommended | string)[]): void {
    if (this.#stop.signal.aborted) return
    for (const peer of peers) this.#add(peer)
    while (this.#running < this.#limits.maxParallelDials && this.#waiting.length > 0) void this.#work()
  }

  #add(peer: Recommended | string): void {
    if (this.#known.size >= this.#limits.maxPendingDials) return
    // Recommended ones are worth nothing without a record.
    if (typeof peer === 'object' && peer.signedPeerRecord === undefined) return
    let id: PeerId
    try {
      id = typeof peer === 'string' ? parsePeerId(peer) : peerIdFromBytes(peer.peerId)
    } catch {
      return
    }
    const name = id.toString()
    if (id.equals(this.#node.peerId) || this.#known.has(name) || this.#node.connections.list(id).length > 0) return
    this.#known.add(name)
    // The bytes of an RPC are a view of all that came with it.
    this.#waiting.push(
      typeof peer === 'string' ? id : { ...peer, signedPeerRecord: new Uint8Array(peer.signedPeerRecord ?? []) }
    )
  }

  async #work(): Promise<void> {
    const { signal } = this.#stop
    this.#running++
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        const id = 'by' in next ? peerIdFromBytes(next.peerId) : next
        try {
          if (!('by' in next) || (await this.#takeRecord(next, id))) {
            await this.#node.connections.dial(id, { signal, timeoutMs: this.#limits.dialTimeoutMs })
          }
        } catch (error) {
          const log = this.#node.log('pubsub')
          if (log.enabled) log.debug('%s is not reached', id.toString(), error)
        } finally {
          if (!signal.aborted) this.#known.delete(id.toString())
        }
      }
    } finally {
      this.#running--
    }
  }

  #takeRecord(peer: Recommended, expected: PeerId): Promise<boolean> {
    return this.#node.peers.consumeRecord(peer.signedPeerRecord ?? new Uint8Array(0), { expected })
  }
}
