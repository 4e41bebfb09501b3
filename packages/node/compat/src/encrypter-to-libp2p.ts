import type {
  ConnectionEncrypter,
  MessageStream,
  SecureConnectionOptions,
  SecuredConnection,
  StreamMuxerFactory
} from '@libp2p/interface'
import type { NodeContext, SecureTransport } from '@peerloom/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { ChannelStream } from './channel-stream.ts'
import { toTheirError } from './errors.ts'
import { fromTheirPeerId, toTheirKey } from './identity.ts'
import { MessageStreamChannel } from './message-stream-channel.ts'

/** A link of theirs that was quiet for this long has nothing under way any more. */
const quietMs = 100

export type MuxersOf = () => Map<string, StreamMuxerFactory>

/** One of our secure transports in the part of a connection encrypter of js-libp2p. */
export class LentEncrypter implements ConnectionEncrypter {
  readonly protocol: string
  readonly #transport: SecureTransport
  readonly #node: NodeContext
  readonly #muxers: MuxersOf

  constructor(transport: SecureTransport, node: NodeContext, muxers: MuxersOf) {
    this.protocol = transport.protocol
    this.#transport = transport
    this.#node = node
    this.#muxers = muxers
  }

  secureOutbound(connection: MessageStream, options?: SecureConnectionOptions): Promise<SecuredConnection> {
    return this.#secure(connection, 'initiator', options)
  }

  secureInbound(connection: MessageStream, options?: SecureConnectionOptions): Promise<SecuredConnection> {
    return this.#secure(connection, 'responder', options)
  }

  async #secure(
    link: MessageStream,
    role: 'initiator' | 'responder',
    options: SecureConnectionOptions = {}
  ): Promise<SecuredConnection> {
    const { remotePeer, signal, skipStreamMuxerNegotiation } = options
    const muxers = skipStreamMuxerNegotiation === true ? new Map<string, StreamMuxerFactory>() : this.#muxers()
    const below = new MessageStreamChannel(link, { clock: this.#node.clock, quietMs })
    try {
      const secured = await this.#transport.secure(below, {
        role,
        muxers: [...muxers.keys()],
        signal,
        expected: remotePeer === undefined ? undefined : fromTheirPeerId(remotePeer)
      })
      const streamMuxer = secured.muxer === undefined ? undefined : muxers.get(secured.muxer)
      const { direction, log } = link
      return {
        connection: new ChannelStream(secured.channel, { id: 'secured', direction, log: log.newScope('peerloom') }),
        remotePeer: peerIdFromPublicKey(toTheirKey(secured.remoteKey)),
        ...(streamMuxer === undefined ? {} : { streamMuxer })
      }
    } catch (error) {
      throw toTheirError(error)
    }
  }
}
