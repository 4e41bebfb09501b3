import { peerIdFromPublicKey, publicKeyFromProtobuf } from '@peerloom/identity'
import {
  type Channel,
  type NodeContext,
  PeerloomError,
  type PublicKey,
  type Secured,
  type SecureOptions,
  type SecureTransport,
  toError
} from '@peerloom/interface'
import { byteReader, runHandshake } from '@peerloom/streams'
import type { NoiseCrypto, StaticKey } from './crypto-interface.ts'
import { HandshakeState } from './handshake-state.ts'
import { NoiseChannel } from './noise-channel.ts'
import { agreeOnMuxer, decodePayload, encodePayload, type HandshakePayload, signedData } from './payload.ts'
import { frame, lengthBytes } from './record.ts'

export interface NoiseOptions {
  /** Bound on the handshake, in ms. Default 10,000. */
  readonly handshakeTimeoutMs?: number
}

const defaultHandshakeTimeoutMs = 10_000
const empty = new Uint8Array(0)

interface SignedKey {
  readonly key: StaticKey
  readonly signature: Uint8Array
}

export class Noise implements SecureTransport {
  readonly protocol = '/noise'
  readonly #node: Pick<NodeContext, 'publicKey' | 'sign' | 'clock'>
  readonly #crypto: NoiseCrypto
  readonly #options: NoiseOptions
  /** One static key for the node's life, signed once: the signature covers nothing else. */
  #static: Promise<SignedKey> | undefined

  constructor(node: Pick<NodeContext, 'publicKey' | 'sign' | 'clock'>, crypto: NoiseCrypto, options: NoiseOptions) {
    this.#node = node
    this.#crypto = crypto
    this.#options = options
  }

  secure(channel: Channel, options: SecureOptions): Promise<Secured> {
    const bound = {
      clock: this.#node.clock,
      timeoutMs: this.#options.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs,
      signal: options.signal,
      what: 'the Noise handshake'
    }
    return runHandshake(channel, bound, () => this.#handshake(channel, options))
  }

  async #handshake(channel: Channel, options: SecureOptions): Promise<Secured> {
    const reader = byteReader(channel)
    const receive = async (): Promise<Uint8Array> => {
      const head = await reader.read(lengthBytes)
      return reader.read(((head[0] as number) << 8) | (head[1] as number))
    }
    const initiator = options.role === 'initiator'
    const made = this.#crypto.generateKey()
    // Synchronous up to here where the runtime is, so that the first message rides along with the negotiation that
    // chose Noise.
    const ephemeral = made instanceof Promise ? await made : made
    const staticKey = this.#staticKey()
    const state = new HandshakeState(this.#crypto, options.role, ephemeral, options.prologue ?? empty)
    if (initiator) channel.send(frame(state.writeFirst(empty)))
    const { key, signature } = await staticKey
    state.useStatic(key)
    if (initiator) {
      const remote = readPayload(await state.read(await receive()))
      const identity = await this.#verify(remote, state, options)
      channel.send(frame(await state.write(this.#payload(options, signature))))
      return this.#finish(channel, reader, state, identity, agreeOnMuxer(options.muxers, remote.muxers))
    }
    await state.read(await receive())
    channel.send(frame(await state.write(this.#payload(options, signature))))
    const remote = readPayload(await state.read(await receive()))
    const identity = await this.#verify(remote, state, options)
    return this.#finish(channel, reader, state, identity, agreeOnMuxer(remote.muxers, options.muxers))
  }

  #finish(
    channel: Channel,
    reader: { release(): void },
    state: HandshakeState,
    identity: Pick<Secured, 'remotePeer' | 'remoteKey'>,
    muxer: string | undefined
  ): Secured {
    // The bound or the signal may have come while the signature was being checked.
    if (channel.error !== undefined) throw channel.error
    const secured = new NoiseChannel(channel, state.split(), { clock: this.#node.clock })
    reader.release()
    secured.open()
    return { channel: secured, ...identity, ...(muxer === undefined ? {} : { muxer }) }
  }

  async #verify(
    { remoteKey, identitySignature, certHashes }: RemotePayload,
    state: HandshakeState,
    options: SecureOptions
  ): Promise<Pick<Secured, 'remotePeer' | 'remoteKey'>> {
    const remotePeer = peerIdFromPublicKey(remoteKey)
    if (options.expected !== undefined && !options.expected.equals(remotePeer)) {
      throw new PeerloomError('ERR_WRONG_PEER', `dialled ${options.expected}, but ${remotePeer} answered`, {
        remote: true
      })
    }
    if (!(await remoteKey.verify(signedData(state.remoteStatic as Uint8Array), identitySignature))) {
      throw new PeerloomError('ERR_SECURITY', 'Noise: the identity signature does not match', { remote: true })
    }
    options.verifyCertHashes?.(certHashes)
    return { remotePeer, remoteKey }
  }

  #payload({ muxers, certHashes = [] }: SecureOptions, identitySignature: Uint8Array): Uint8Array {
    return encodePayload({
      identityKey: this.#node.publicKey.protobuf,
      identitySignature,
      muxers,
      certHashes
    })
  }

  #staticKey(): Promise<SignedKey> {
    if (this.#static === undefined) {
      const making = (async () => {
        const key = await this.#crypto.generateKey()
        return { key, signature: await this.#node.sign(signedData(key.publicKey)) }
      })()
      this.#static = making
      making.catch(() => {
        this.#static = undefined // the next handshake tries again
      })
    }
    return this.#static
  }
}

interface RemotePayload extends HandshakePayload {
  readonly remoteKey: PublicKey
}

function readPayload(bytes: Uint8Array): RemotePayload {
  try {
    const payload = decodePayload(bytes)
    return { ...payload, remoteKey: publicKeyFromProtobuf(payload.identityKey) }
  } catch (cause) {
    const { message } = toError(cause)
    throw new PeerloomError('ERR_SECURITY', `Noise: malformed handshake payload: ${message}`, { cause, remote: true })
  }
}
