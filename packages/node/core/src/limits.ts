import type { Scope, ScopeLimits } from '@peerloom/interface'
import { rootScope } from './scope.ts'

/** Everything a node bounds, in one object. Each part may be given in part; the rest keeps its default. */
export interface NodeLimits {
  /** The whole node. */
  readonly system: ScopeLimits
  /** Connections that are still being secured. */
  readonly transient: ScopeLimits
  /** One peer, over all its connections. */
  readonly peer: ScopeLimits
  /** One connection. */
  readonly connection: ScopeLimits
  /** Inbound connections from one IP address that is not a loopback one. */
  readonly connectionsPerAddress: number
}

export type NodeLimitsOptions = { readonly [K in keyof NodeLimits]?: Partial<NodeLimits[K]> }

const mebibyte = 1024 * 1024

export const defaultLimits: NodeLimits = {
  system: {
    connectionsInbound: 1024,
    connectionsOutbound: 1024,
    streamsInbound: 16_384,
    streamsOutbound: 16_384,
    memory: 1024 * mebibyte
  },
  transient: { connectionsInbound: 128, connectionsOutbound: 256 },
  peer: {
    connectionsInbound: 8,
    connectionsOutbound: 8,
    streamsInbound: 4096,
    streamsOutbound: 4096,
    memory: 256 * mebibyte
  },
  connection: { streamsInbound: 2048, streamsOutbound: 2048, memory: 128 * mebibyte },
  connectionsPerAddress: 32
}

export function resolveLimits(options: NodeLimitsOptions = {}): NodeLimits {
  return {
    system: { ...defaultLimits.system, ...options.system },
    transient: { ...defaultLimits.transient, ...options.transient },
    peer: { ...defaultLimits.peer, ...options.peer },
    connection: { ...defaultLimits.connection, ...options.connection },
    connectionsPerAddress: (options.connectionsPerAddress as number | undefined) ?? defaultLimits.connectionsPerAddress
  }
}

/** The upper part of the limits tree, and the scopes of the peers that are connected. */
export class LimitsTree {
  readonly limits: NodeLimits
  readonly system: Scope
  readonly transient: Scope
  readonly #peers = new Map<string, { scope: Scope; users: number }>()

  constructor(limits: NodeLimits) {
    this.limits = limits
    this.system = rootScope('system', limits.system)
    // Transient connections count against the system as soon as they are made: see `connection`.
    this.transient = this.system.child('transient', limits.transient)
  }

  /** The scope of a peer, kept until as many `releasePeer` calls were made. */
  retainPeer(peer: string): Scope {
    let entry = this.#peers.get(peer)
    if (entry === undefined) {
      entry = { scope: this.system.child(`peer:${peer}`, this.limits.peer), users: 0 }
      this.#peers.set(peer, entry)
    }
    entry.users++
    return entry.scope
  }

  releasePeer(peer: string): void {
    const entry = this.#peers.get(peer)
    if (entry === undefined || --entry.users > 0) return
    entry.scope.close()
    this.#peers.delete(peer)
  }

  /** Peers that have a scope now. */
  get peerCount(): number {
    return this.#peers.size
  }
}
