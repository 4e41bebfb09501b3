import { defineModule, type Module } from '@peerloom/interface'
import { Ping, type PingOptions, type PingService } from './ping.ts'

/**
 * The ping protocol, `/ipfs/ping/1.0.0`: answers pings, and measures round trips.
 *
 * ```ts
 * const node = await createNode({ services: { ping: ping() } })
 * const rttMs = await node.services.ping.ping(peer)
 * ```
 */
export function ping(options?: PingOptions): Module<PingService> {
  return defineModule({ name: '@peerloom/ping', options, create: (node) => new Ping(node, options ?? {}) })
}

export type { PingOptions, PingService, PingsOptions } from './ping.ts'
