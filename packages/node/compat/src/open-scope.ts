import type { Resource, Scope, ScopeUsage } from '@peerloom/interface'

/** Counts and allows everything: limits on streams and connections are js-libp2p's business in its own nodes. */
export class OpenScope implements Scope {
  readonly name: string
  readonly limits = {}
  readonly #usage: ScopeUsage = {
    connectionsInbound: 0,
    connectionsOutbound: 0,
    streamsInbound: 0,
    streamsOutbound: 0,
    memory: 0
  }

  constructor(name: string) {
    this.name = name
  }

  get usage(): Readonly<ScopeUsage> {
    return this.#usage
  }

  reserve(resource: Resource, amount: number): boolean {
    this.#usage[resource] += amount
    return true
  }

  release(resource: Resource, amount: number): void {
    this.#usage[resource] -= amount
  }

  child(name: string): Scope {
    return new OpenScope(name)
  }

  close(): void {}
}
