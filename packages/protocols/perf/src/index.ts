import { defineModule, type Module } from '@peerloom/interface'
import { Perf, type PerfOptions, type PerfService } from './perf.ts'

/**
 * The libp2p perf protocol, `/perf/1.0.0`. A node that has it sends as much as it is asked for: add it to measure, not
 * to every node.
 *
 * ```ts
 * const node = await createNode({ services: { perf: perf() } })
 * await node.services.perf.run(peer, { uploadBytes: 0, downloadBytes: 2 ** 30 })
 * ```
 */
export function perf(options?: PerfOptions): Module<PerfService> {
  return defineModule({ name: '@peerloom/perf', options, create: (node) => new Perf(node, options ?? {}) })
}

export type { PerfOptions, PerfProgress, PerfResult, PerfService, RunOptions } from './perf.ts'
