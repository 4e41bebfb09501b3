/** Batteries included: `createNode()` with sane modules for this runtime. The modules themselves are `@peerloom/…`. */
import type { Node, NodeOptions, ServiceModules, Services } from '@peerloom/core'
import { createPresetNode, type StandardServices } from './create-node.ts'
import { preset } from './preset.browser.ts'

/**
 * A node with sane modules for a browser: WebSocket, WebRTC and circuit relay, Noise, yamux, identify and ping; it listens on
 * nothing. Whatever the options name takes the place of the preset; services are added to it.
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
