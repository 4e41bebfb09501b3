import type { Direction, OwnAddress, Scope, ScopeUsage } from '@peerloom/interface'
import type { NodeStatus } from './node.ts'

export interface StreamSnapshot {
  readonly id: string
  readonly protocol: string
  readonly direction: Direction
  readonly status: string
  readonly queuedBytes: number
}

export interface ConnectionSnapshot {
  readonly id: string
  readonly peer: string
  readonly address: string
  readonly direction: Direction
  readonly status: string
  readonly transport: string
  readonly security: string
  readonly muxer: string
  readonly earlyMuxer: boolean
  readonly limited: boolean
  readonly rttMs: number | undefined
  readonly ageMs: number
  readonly streams: readonly StreamSnapshot[]
}

/** All of a node at one moment, as plain data: `JSON.stringify` takes it. */
export interface NodeSnapshot {
  readonly peer: string
  readonly agent: string
  readonly status: NodeStatus
  readonly addresses: readonly (Omit<OwnAddress, 'address'> & { readonly address: string })[]
  readonly protocols: readonly string[]
  readonly connections: readonly ConnectionSnapshot[]
  readonly limits: { readonly system: ScopeUsage; readonly transient: ScopeUsage }
  readonly counts: {
    readonly connections: number
    readonly pendingDials: number
    readonly knownPeers: number
    readonly reconnecting: number
    readonly inboundStreams: number
  }
  /** What transports with an `inspect` of their own say, by their names. */
  readonly transports: Readonly<Record<string, unknown>>
  /** What services with an `inspect` of their own say. */
  readonly services: Readonly<Record<string, unknown>>
}

/** A service that has something to show. */
export interface Inspectable {
  inspect(): unknown
}

export function isInspectable(instance: unknown): instance is Inspectable {
  return typeof (instance as Partial<Inspectable> | undefined | null)?.inspect === 'function'
}

export const usageOf = (scope: Scope): ScopeUsage => ({ ...scope.usage })
