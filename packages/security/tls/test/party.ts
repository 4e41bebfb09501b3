import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import {
  type Channel,
  type Clock,
  type KeyType,
  type PeerId,
  type PrivateKey,
  type Secured,
  type SecureOptions,
  type SecureTransport,
  systemClock
} from '@peerloom/interface'
import { ChunkIterator } from '@peerloom/streams'
import { tls, type TlsOptions } from '@peerloom/tls'
import { socketLink } from './sockets.ts'

export interface Party {
  readonly id: PeerId
  readonly key: PrivateKey
  readonly security: SecureTransport
}

/** A node as far as TLS sees one. */
export async function party(
  options: TlsOptions & { readonly type?: KeyType; readonly clock?: Clock } = {}
): Promise<Party> {
  const { type = 'Ed25519', clock = systemClock, ...rest } = options
  const key = await generateKey(type)
  const node = { clock, publicKey: key.publicKey, sign: (data: Uint8Array) => key.sign(data) }
  return { id: peerIdFromPrivateKey(key), key, security: tls(rest)(node as never) }
}

/** A handshake of two parties over TCP. */
export async function handshake(
  initiator: Party,
  responder: Party,
  options: { initiator?: Partial<SecureOptions>; responder?: Partial<SecureOptions> } = {}
): Promise<{ near: Secured; far: Secured }> {
  const { channels } = await socketLink()
  const [near, far] = await Promise.all([
    initiator.security.secure(channels[0], { role: 'initiator', muxers: [], ...options.initiator }),
    responder.security.secure(channels[1], { role: 'responder', muxers: [], ...options.responder })
  ])
  return { near, far }
}

export async function readSome(channel: Channel): Promise<string> {
  const { value } = await new ChunkIterator(channel).next()
  return new TextDecoder().decode(value)
}
