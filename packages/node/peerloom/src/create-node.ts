import {
  createNode as createBareNode,
  type Node,
  type NodeOptions,
  type ServiceModules,
  type Services
} from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { ping } from '@peerloom/ping'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'

const standardServices = (): { identify: ReturnType<typeof identify>; ping: ReturnType<typeof ping> } => ({
  identify: identify(),
  ping: ping()
})

export type StandardServices = ReturnType<typeof standardServices>

/**
 * A node with sane modules for this runtime: TCP, Noise, yamux, identify and ping, listening on every interface on a
 * free port. Whatever the options name takes the place of the preset; services are added to it.
 *
 * ```ts
 * const node = await createNode()
 * await node.handle('/echo/1.0.0', async (stream) => {
 *   for await (const bytes of stream) await stream.write(bytes)
 *   await stream.close()
 * })
 * ```
 */
export function createNode<const S extends ServiceModules = Record<never, never>>(
  options: NodeOptions<S> = {}
): Promise<Node<Services<StandardServices & S>>> {
  return createBareNode<StandardServices & S>({
    transports: [tcp()],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    ...options,
    addresses: { listen: ['/ip4/0.0.0.0/tcp/0'], ...options.addresses },
    services: { ...standardServices(), ...options.services } as StandardServices & S
  })
}
