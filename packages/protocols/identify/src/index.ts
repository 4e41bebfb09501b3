import { defineModule, type Identifier, identifyCapability, type Module } from '@peerloom/interface'
import { defaultIdentifyOptions, Identify, type IdentifyOptions } from './identify.ts'

/**
 * The identify protocol, `/ipfs/id/1.0.0` and its push: asks every peer who it is, says who we are, and tells connected
 * peers when that changes.
 *
 * ```ts
 * const node = await createNode({ services: { identify: identify() } })
 * node.events.on('peer:identify', ({ peerId, agentVersion, protocols }) => …)
 * ```
 */
export function identify(options?: IdentifyOptions): Module<Identifier> {
  return defineModule({
    name: '@peerloom/identify',
    options,
    provides: [identifyCapability],
    create: (node) => new Identify(node, { ...defaultIdentifyOptions, ...options })
  })
}

export { decodeIdentify, encodeIdentify } from './codec.ts'
export type { IdentifyLimits, IdentifyMessage } from './codec.ts'
export type { IdentifyOptions } from './identify.ts'
