import { createNodeFor } from './create-node.ts'
import { systemDns } from './dns.ts'
import type { Node } from './node.ts'
import type { NodeOptions, ServiceModules, Services } from './options.ts'

/**
 * Makes a node of modules, for Node.
 *
 * ```ts
 * const node = await createNode({
 *   addresses: { listen: ['/ip4/0.0.0.0/tcp/0'] },
 *   transports: [tcp()],
 *   connectionEncryption: [noise()],
 *   streamMuxers: [yamux()],
 *   services: { ping: ping() }
 * })
 * ```
 *
 * Rejects with ERR_INVALID_ARGUMENT, ERR_MISSING_MODULE, ERR_MODULE_CONFLICT and, when it starts at once, ERR_LISTEN.
 */
export function createNode<const S extends ServiceModules = Record<never, never>>(
  options?: NodeOptions<S>
): Promise<Node<Services<S>>> {
  return createNodeFor<S>(
    { dns: systemDns, forcePrivateNetwork: process.env['LIBP2P_FORCE_PNET'] === '1' },
    options ?? {}
  )
}
