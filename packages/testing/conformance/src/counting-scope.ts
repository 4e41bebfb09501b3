import type { Resource, Scope, ScopeUsage } from '@peerloom/interface'

/** A limits scope that counts what is held and refuses what it is told to. */
export class CountingScope implements Scope {
  readonly name: string = 'counting'
  readonly limits = {}
  readonly usage: ScopeUsage = {
    connectionsInbound: 0,
    connectionsOutbound: 0,
    streamsInbound: 0,
    streamsOutbound: 0,
    memory: 0
  }
  /** Resources of which nothing is given out. */
  readonly refused: Set<Resource> = new Set()

  /** True when everything was given back. */
  get isEmpty(): boolean {
    return Object.values(this.usage).every((held) => held === 0)
  }

  reserve(resource: Resource, amount: number): boolean {
    if (this.refused.has(resource)) return false
    this.usage[resource] += amount
    return true
  }

  release(resource: Resource, amount: number): void {
    this.usage[resource] -= amount
    if (this.usage[resource] < 0) throw new Error(`more ${resource} released than reserved`)
  }

  child(): Scope {
    return this
  }

  close(): void {}
}
