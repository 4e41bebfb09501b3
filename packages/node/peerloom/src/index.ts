/** Batteries included: `createNode()` with sane modules for this runtime. The modules themselves are `@peerloom/…`. */
import type { Node, NodeOptions, ServiceModules, Services } from '@peerloom/core'
import { createPresetNode, type StandardServices } from './create-node.ts'
import { preset } from './preset.ts'

/**
 * A node with sane modules for Node: TCP, WebSocket and circuit relay, TLS before Noise, yamux, identify and ping, listening
 * on every interface on a free port. Whatever the options name takes the place of the preset; services are added to it.
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
  return createPresetNode(preset(), options)
}

export type { StandardServices } from './create-node.ts'
export { DialError } from '@peerloom/core'
export type { Node, NodeOptions, NodeSnapshot, ServiceModules, Services } from '@peerloom/core'
export { generateKey, parsePeerId, privateKeyFromProtobuf } from '@peerloom/identity'
export { byteReader, lengthPrefixed, protobuf, toWeb } from '@peerloom/streams'
export { isPeerloomError, PeerloomError } from '@peerloom/interface'
export type { Connection, ErrorCode, PeerId, PrivateKey, Stream } from '@peerloom/interface'
