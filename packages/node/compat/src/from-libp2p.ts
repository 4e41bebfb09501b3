import type {
  ConnectionEncrypter,
  StreamMuxerFactory as TheirMuxerFactory,
  Transport as TheirTransport
} from '@libp2p/interface'
import {
  defineModule,
  type Module,
  type NodeContext,
  PeerloomError,
  type SecureTransport,
  type StreamMuxerFactory,
  type Transport
} from '@peerloom/interface'
import { BorrowedEncrypter } from './encrypter-from-libp2p.ts'
import { type FromLibp2pOptions, provideComponents } from './libp2p-components.ts'
import { toTheirLogger } from './logger.ts'
import { BorrowedMuxer } from './muxer-from-libp2p.ts'
import { BorrowedTransport } from './transport-from-libp2p.ts'

/**
 * What a js-libp2p module's factory returns: `noise()` is one of these. Which components it takes is between it and
 * js-libp2p, hence `never`: any parameter fits, and what is missing shows when the node is made.
 */
export type Libp2pFactory<T> = (components: never) => T

const defaultHandshakeTimeoutMs = 10_000

/** Every factory is a module of its own name, or the node would take two of them for twins. */
const names = new WeakMap<Libp2pFactory<unknown>, string>()
let count = 0

function nameOf(factory: Libp2pFactory<unknown>): string {
  let name = names.get(factory)
  if (name === undefined) {
    name = `@peerloom/compat#${++count}`
    names.set(factory, name)
  }
  return name
}

function borrow<T, R>(
  factory: Libp2pFactory<T>,
  options: FromLibp2pOptions,
  adapt: (theirs: T, node: NodeContext, muxers: Map<string, TheirMuxerFactory>) => R
): Module<R> {
  return defineModule({
    name: nameOf(factory),
    options,
    create(node) {
      const muxers = new Map<string, TheirMuxerFactory>()
      return adapt(factory(provideComponents(node, muxers, options) as never), node, muxers)
    }
  })
}

/** A js-libp2p connection encrypter, `@libp2p/noise` say, for `connectionEncryption`. */
export function encrypterFromLibp2p(
  factory: Libp2pFactory<ConnectionEncrypter>,
  options: FromLibp2pOptions = {}
): Module<SecureTransport> {
  return borrow(factory, options, (theirs, node, muxers) => adaptEncrypter(theirs, node, muxers, options))
}

/** A js-libp2p stream muxer, `@libp2p/yamux` say, for `streamMuxers`. */
export function muxerFromLibp2p(
  factory: Libp2pFactory<TheirMuxerFactory>,
  options: FromLibp2pOptions = {}
): Module<StreamMuxerFactory> {
  return borrow(factory, options, adaptMuxer)
}

/** A js-libp2p transport that brings plain links, `@libp2p/tcp` say, for `transports`. */
export function transportFromLibp2p(
  factory: Libp2pFactory<TheirTransport>,
  options: FromLibp2pOptions = {}
): Module<Transport> {
  return borrow(factory, options, adaptTransport)
}

/**
 * A module of js-libp2p in a Peerloom node: a connection encrypter, a stream muxer or a transport.
 *
 * ```ts
 * const node = await createNode({ connectionEncryption: [fromLibp2p(noise())], streamMuxers: [fromLibp2p(yamux())] })
 * ```
 */
export function fromLibp2p(
  factory: Libp2pFactory<ConnectionEncrypter>,
  options?: FromLibp2pOptions
): Module<SecureTransport>
export function fromLibp2p(
  factory: Libp2pFactory<TheirMuxerFactory>,
  options?: FromLibp2pOptions
): Module<StreamMuxerFactory>
export function fromLibp2p(factory: Libp2pFactory<TheirTransport>, options?: FromLibp2pOptions): Module<Transport>
export function fromLibp2p(
  factory: Libp2pFactory<ConnectionEncrypter | TheirMuxerFactory | TheirTransport>,
  options: FromLibp2pOptions = {}
): Module<SecureTransport | StreamMuxerFactory | Transport> {
  return borrow(factory, options, (theirs, node, muxers) => {
    if ('secureOutbound' in theirs) return adaptEncrypter(theirs, node, muxers, options)
    if ('createStreamMuxer' in theirs) return adaptMuxer(theirs, node)
    if ('dialFilter' in theirs) return adaptTransport(theirs, node)
    throw new PeerloomError(
      'ERR_INVALID_ARGUMENT',
      'fromLibp2p takes connection encrypters, stream muxers and transports; this module is none of them'
    )
  })
}

function adaptEncrypter(
  encrypter: ConnectionEncrypter,
  node: NodeContext,
  muxers: Map<string, TheirMuxerFactory>,
  options: FromLibp2pOptions
): SecureTransport {
  const log = toTheirLogger(node.log).forComponent('libp2p:link')
  const timeoutMs = options.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs
  return new BorrowedEncrypter({ encrypter, node, log, muxers, timeoutMs })
}

function adaptMuxer(factory: TheirMuxerFactory, node: NodeContext): StreamMuxerFactory {
  const log = toTheirLogger(node.log).forComponent('libp2p:link')
  return {
    protocol: factory.protocol,
    create: (channel, muxerOptions) => new BorrowedMuxer(factory, channel, muxerOptions, log)
  }
}

const adaptTransport = (transport: TheirTransport, node: NodeContext): Transport =>
  new BorrowedTransport(transport, node.clock)
