import type {
  ComponentLogger,
  ConnectionEncrypter,
  PeerId as TheirPeerId,
  PrivateKey as TheirPrivateKey,
  StreamMuxerFactory as TheirMuxerFactory
} from '@libp2p/interface'
import type { NodeContext, PrivateKey } from '@peerloom/interface'
import { toTheirKey, toTheirPrivateKey } from './identity.ts'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { toTheirLogger } from './logger.ts'

export interface FromLibp2pOptions {
  /**
   * The node's key, for modules that want its bytes. Default: they get a key that only signs, which is all that the
   * connection encrypters ask for.
   */
  readonly privateKey?: PrivateKey
  /** More components, by the names they have in js-libp2p. They replace those that the node provides. Default none. */
  readonly components?: Readonly<Record<string, unknown>>
  /** Bound on a handshake of a connection encrypter, in ms. Default 10,000. */
  readonly handshakeTimeoutMs?: number
}

/** What a borrowed module gets as `components`. */
export interface ProvidedComponents {
  readonly peerId: TheirPeerId
  readonly privateKey: TheirPrivateKey
  readonly logger: ComponentLogger
  readonly upgrader: {
    getStreamMuxers(): Map<string, TheirMuxerFactory>
    getConnectionEncrypters(): Map<string, ConnectionEncrypter>
  }
}

/** `muxers` is filled in by whoever knows which ones the node speaks. */
export function provideComponents(
  node: NodeContext,
  muxers: Map<string, TheirMuxerFactory>,
  options: FromLibp2pOptions
): ProvidedComponents {
  return {
    peerId: peerIdFromPublicKey(toTheirKey(node.publicKey)),
    privateKey: toTheirPrivateKey(node, options.privateKey),
    logger: toTheirLogger(node.log),
    upgrader: { getStreamMuxers: () => muxers, getConnectionEncrypters: () => new Map() },
    ...options.components
  }
}
