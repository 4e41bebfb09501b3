import { type Clock, PeerloomError } from '@peerloom/interface'
import { SocketChannel } from '@peerloom/sockets'
import type { Channel } from '@peerloom/interface'
import type { Duplex } from 'node:stream'
import { connect, type SecureContext, TLSSocket } from 'node:tls'
import { choose, encodeOffer } from './alpn.ts'
import { channelDuplex } from './channel-duplex.ts'

export interface HandshakeOptions {
  readonly role: 'initiator' | 'responder'
  readonly context: SecureContext
  readonly muxers: readonly string[]
  readonly clock: Clock
}

export interface Handshaken {
  readonly socket: TLSSocket
  /** Holds what arrives until somebody reads it: nobody is to, before the peer is known. */
  readonly channel: SocketChannel
}

/**
 * Runs OpenSSL over a channel: on its socket where it has one, so that no byte passes through JavaScript on its way
 * between the system and OpenSSL, else on the channel itself. Rejects with what ended it.
 */
export async function handshake(below: Channel, options: HandshakeOptions): Promise<Handshaken> {
  const carrier = below instanceof SocketChannel ? below.detachSocket() : channelDuplex(below)
  if (carrier === undefined) throw new PeerloomError('ERR_CHANNEL_CLOSED', 'the channel is closed')
  const socket = options.role === 'initiator' ? initiate(carrier, options) : respond(carrier, options)
  const channel = new SocketChannel(socket, options.clock, below)
  await new Promise<void>((resolve, reject) => {
    // A reset that was met while writing looks like an end when it comes to reading: both count as a reset.
    const onEnd = (): void => {
      reject(new PeerloomError('ERR_CHANNEL_RESET', 'the remote went away during the TLS handshake', { remote: true }))
    }
    // `secure` comes on both sides, before any data.
    socket.once('secure', () => {
      socket.off('end', onEnd)
      resolve()
    })
    socket.once('end', onEnd)
    channel.attach({ data() {}, end() {}, closed: (error) => (error === undefined ? onEnd() : reject(error)) })
    channel.pause()
  })
  channel.attach(undefined)
  return { socket, channel }
}

function initiate(carrier: Duplex, { context, muxers }: HandshakeOptions): TLSSocket {
  return connect({
    socket: carrier,
    secureContext: context,
    // Nobody signs these certificates but their owners; they are checked before anything is read.
    rejectUnauthorized: false,
    ALPNProtocols: encodeOffer(muxers)
  })
}

function respond(carrier: Duplex, { context, muxers }: HandshakeOptions): TLSSocket {
  const socket = new TLSSocket(carrier, {
    isServer: true,
    secureContext: context,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNCallback: ({ protocols }) => choose(protocols, muxers)
  })
  // Node's own server listens here; without it, what goes wrong behind the handshake would look like an end.
  socket.on('_tlsError', (error: Error) => socket.destroy(error))
  return socket
}
