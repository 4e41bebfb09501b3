import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import {
  type Channel,
  type Clock,
  type KeyType,
  type PeerId,
  type PublicKey,
  type Secured,
  type SecureOptions,
  type SecureTransport,
  systemClock
} from '@peerloom/interface'
import { channelPair, ChunkIterator } from '@peerloom/streams'
import { noise, type NoiseOptions } from '@peerloom/noise'

export interface Party {
  readonly id: PeerId
  readonly publicKey: PublicKey
  readonly security: SecureTransport
  sign(data: Uint8Array): Promise<Uint8Array>
}

/** A node as far as Noise sees one. */
export async function party(
  options: NoiseOptions & {
    readonly type?: KeyType
    readonly clock?: Clock
    /** Lies about its key or signature. */
    readonly forge?: Partial<Pick<Party, 'publicKey' | 'sign'>>
  } = {}
): Promise<Party> {
  const { type = 'Ed25519', clock = systemClock, forge = {}, ...rest } = options
  const key = await generateKey(type)
  const node = { clock, publicKey: key.publicKey, sign: (data: Uint8Array) => key.sign(data), ...forge }
  return { id: peerIdFromPrivateKey(key), ...node, security: noise(rest)(node as never) }
}

export const muxers = ['/yamux/1.0.0', '/mplex/6.7.0']

export interface Handshake {
  readonly near: Secured
  readonly far: Secured
  readonly channels: [Channel, Channel]
}

export async function handshake(
  initiator: Party,
  responder: Party,
  options: { initiator?: Partial<SecureOptions>; responder?: Partial<SecureOptions> } = {}
): Promise<Handshake> {
  const channels = channelPair()
  const [near, far] = await Promise.all([
    initiator.security.secure(channels[0], { role: 'initiator', muxers: [], ...options.initiator }),
    responder.security.secure(channels[1], { role: 'responder', muxers: [], ...options.responder })
  ])
  return { near, far, channels }
}

/** Passes bytes on between two channels, as `change` makes them. */
export function wire(from: Channel, to: Channel, change: (bytes: Uint8Array) => Uint8Array | undefined): void {
  from.attach({
    data: (bytes) => {
      const changed = change(bytes)
      if (changed === undefined || to.status !== 'open') return
      to.send(changed)
    },
    end: () => void to.closeWrite().catch(() => {}),
    closed: (error) => {
      if (error !== undefined) to.abort(error)
    }
  })
}

export async function readAll(channel: Channel): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of new ChunkIterator(channel)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function readSome(channel: Channel): Promise<Uint8Array> {
  const { value } = await new ChunkIterator(channel).next()
  return value ?? new Uint8Array(0)
}

export async function turns(count = 8): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}
