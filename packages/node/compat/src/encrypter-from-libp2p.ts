import type { ConnectionEncrypter, Logger, StreamMuxerFactory } from '@libp2p/interface'
import {
  type Channel,
  type NodeContext,
  PeerloomError,
  type Secured,
  type SecureOptions,
  type SecureTransport
} from '@peerloom/interface'
import { runHandshake } from '@peerloom/streams'
import { ChannelStream } from './channel-stream.ts'
import { fromTheirError } from './errors.ts'
import { fromTheirKey, fromTheirPeerId, toTheirPeerId } from './identity.ts'
import { MessageStreamChannel } from './message-stream-channel.ts'

export interface EncrypterParts {
  readonly encrypter: ConnectionEncrypter
  readonly node: NodeContext
  readonly log: Logger
  /** What their encrypter offers inside its handshake. */
  readonly muxers: Map<string, StreamMuxerFactory>
  readonly timeoutMs: number
}

/** A connection encrypter of js-libp2p in the part of our secure transport. */
export class BorrowedEncrypter implements SecureTransport {
  readonly protocol: string
  readonly #parts: EncrypterParts

  constructor(parts: EncrypterParts) {
    this.protocol = parts.encrypter.protocol
    this.#parts = parts
  }

  secure(channel: Channel, options: SecureOptions): Promise<Secured> {
    const { node, timeoutMs } = this.#parts
    const bound = {
      clock: node.clock,
      timeoutMs,
      signal: options.signal,
      what: 'the handshake',
      toTyped: (error: unknown) => fromTheirError(error, 'ERR_SECURITY')
    }
    return runHandshake(channel, bound, () => this.#secure(channel, options))
  }

  async #secure(channel: Channel, options: SecureOptions): Promise<Secured> {
    const { encrypter, node, log, muxers } = this.#parts
    const { role, expected, prologue } = options
    if (prologue !== undefined && prologue.length > 0) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', 'a js-libp2p encrypter takes its prologue when it is made')
    }
    for (const protocol of options.muxers) if (!muxers.has(protocol)) muxers.set(protocol, nameOnly(protocol))
    const direction = role === 'initiator' ? 'outbound' : 'inbound'
    const link = new ChannelStream(channel, { id: 'link', direction, log })
    const secureOptions = {
      ...(expected === undefined ? {} : { remotePeer: toTheirPeerId(expected) }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      skipStreamMuxerNegotiation: options.muxers.length === 0
    }
    const secured = await (role === 'initiator'
      ? encrypter.secureOutbound(link, secureOptions)
      : encrypter.secureInbound(link, secureOptions))
    const remotePeer = fromTheirPeerId(secured.remotePeer)
    // Theirs compares keys only, and an RSA peer id does not show its key.
    if (expected !== undefined && !expected.equals(remotePeer)) {
      throw new PeerloomError('ERR_WRONG_PEER', `dialled ${expected}, but ${remotePeer} answered`, { remote: true })
    }
    const key = secured.remotePeer.publicKey
    if (key === undefined) throw new PeerloomError('ERR_SECURITY', `${this.protocol} did not tell the remote's key`)
    return {
      channel: new MessageStreamChannel(secured.connection, { clock: node.clock }),
      remotePeer,
      remoteKey: fromTheirKey(key),
      ...(secured.streamMuxer === undefined ? {} : { muxer: secured.streamMuxer.protocol })
    }
  }
}

/** Stands for a muxer in the list that is offered; the node makes the muxer itself. */
function nameOnly(protocol: string): StreamMuxerFactory {
  return {
    protocol,
    createStreamMuxer: () => {
      throw new PeerloomError('ERR_MUXER', `${protocol} is made by the node`)
    }
  }
}
