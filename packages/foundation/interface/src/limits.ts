/** What a scope counts. Memory is in bytes. */
export type Resource = 'connectionsInbound' | 'connectionsOutbound' | 'streamsInbound' | 'streamsOutbound' | 'memory'

export type ScopeLimits = { readonly [R in Resource]?: number }

export type ScopeUsage = { [R in Resource]: number }

/**
 * A node of the limits tree: system > transient > peer > protocol > connection (rule R9). A reservation counts in the
 * scope and in everything above it, all or nothing.
 */
export interface Scope {
  readonly name: string
  readonly usage: Readonly<ScopeUsage>
  readonly limits: ScopeLimits
  /** False when this or a scope above is full: nothing was reserved. */
  reserve(resource: Resource, amount: number): boolean
  release(resource: Resource, amount: number): void
  /** A scope below this one; `close()` it to give back all that it still holds. */
  child(name: string, limits?: ScopeLimits): Scope
  close(): void
}
