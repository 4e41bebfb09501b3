import type {
  ConnectionEncrypter,
  StreamMuxerFactory as TheirMuxerFactory,
  Transport as TheirTransport
} from '@libp2p/interface'
import {
  type Module,
  PeerloomError,
  type SecureTransport,
  type StreamMuxerFactory,
  type Transport
} from '@peerloom/interface'
import { LentEncrypter } from './encrypter-to-libp2p.ts'
import { type Libp2pComponents, Libp2pContext } from './libp2p-context.ts'
import { LentMuxerFactory } from './muxer-to-libp2p.ts'
import { lendTransport } from './transport-to-libp2p.ts'

/** The components of a js-libp2p node, as far as a module of ours uses them. */
export interface ToLibp2pComponents extends Libp2pComponents {
  readonly upgrader: { getStreamMuxers(): Map<string, TheirMuxerFactory> }
}

/**
 * A module of Peerloom in a js-libp2p node: a secure transport, a stream muxer or a transport.
 *
 * ```ts
 * const node = await createLibp2p({ connectionEncrypters: [toLibp2p(noise())], streamMuxers: [toLibp2p(yamux())] })
 * ```
 */
export function toLibp2p(module: Module<SecureTransport>): (components: ToLibp2pComponents) => ConnectionEncrypter
export function toLibp2p(module: Module<StreamMuxerFactory>): (components?: unknown) => TheirMuxerFactory
export function toLibp2p(module: Module<Transport>): (components: ToLibp2pComponents) => TheirTransport
export function toLibp2p(
  module: Module<SecureTransport | StreamMuxerFactory | Transport>
): (components: ToLibp2pComponents) => ConnectionEncrypter | TheirMuxerFactory | TheirTransport {
  return (components) => {
    const node = new Libp2pContext(components)
    const ours = module(node)
    if ('secure' in ours) return new LentEncrypter(ours, node, () => components.upgrader.getStreamMuxers())
    if ('create' in ours) return new LentMuxerFactory(ours, node)
    if ('createListener' in ours) return lendTransport(ours, components.logger.forComponent(`peerloom:${ours.name}`))
    throw new PeerloomError(
      'ERR_INVALID_ARGUMENT',
      `toLibp2p takes secure transports, stream muxers and transports; ${module.moduleName} is none of them`
    )
  }
}
