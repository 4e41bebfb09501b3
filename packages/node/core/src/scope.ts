import type { Resource, Scope, ScopeLimits, ScopeUsage } from '@peerloom/interface'

const resources: readonly Resource[] = [
  'connectionsInbound',
  'connectionsOutbound',
  'streamsInbound',
  'streamsOutbound',
  'memory'
]

class ScopeNode implements Scope {
  readonly name: string
  readonly limits: ScopeLimits
  readonly usage: ScopeUsage = {
    connectionsInbound: 0,
    connectionsOutbound: 0,
    streamsInbound: 0,
    streamsOutbound: 0,
    memory: 0
  }
  readonly #parent: ScopeNode | undefined
  #closed = false

  constructor(name: string, limits: ScopeLimits, parent: ScopeNode | undefined) {
    this.name = name
    this.limits = limits
    this.#parent = parent
  }

  reserve(resource: Resource, amount: number): boolean {
    // NaN passes no comparison.
    if (!(amount >= 0 && amount < Infinity)) return false
    for (let scope: ScopeNode | undefined = this; scope !== undefined; scope = scope.#parent) {
      if (scope.#closed || scope.usage[resource] + amount > (scope.limits[resource] ?? Infinity)) return false
    }
    this.#add(resource, amount)
    return true
  }

  release(resource: Resource, amount: number): void {
    if (!this.#closed) this.#add(resource, -Math.min(amount, this.usage[resource]))
  }

  child(name: string, limits: ScopeLimits = {}): Scope {
    return new ScopeNode(name, limits, this)
  }

  close(): void {
    if (this.#closed) return
    for (const resource of resources) if (this.usage[resource] > 0) this.#add(resource, -this.usage[resource])
    this.#closed = true
  }

  #add(resource: Resource, amount: number): void {
    for (let scope: ScopeNode | undefined = this; scope !== undefined; scope = scope.#parent) {
      // A scope that was closed has given back what those below it hold.
      if (scope.#closed) return
      scope.usage[resource] += amount
    }
  }
}

/** The top of a limits tree. */
export function rootScope(name: string, limits: ScopeLimits): Scope {
  return new ScopeNode(name, limits, undefined)
}
