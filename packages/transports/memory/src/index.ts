import { defineModule, type Module, type Transport } from '@peerloom/interface'
import { type MemoryOptions, MemoryTransport } from './memory.ts'

/** In-process links, `/memory/<name>`: for tests, simulations, and nodes that share a process. */
export function memory(options?: MemoryOptions): Module<Transport> {
  return defineModule({
    name: '@peerloom/memory',
    options,
    create: (node) => new MemoryTransport(node.clock, options ?? {})
  })
}

export { MemoryNetwork } from './network.ts'
export type { MemoryOptions } from './memory.ts'
