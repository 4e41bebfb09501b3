import {
  type Channel,
  type NodeContext,
  PeerloomError,
  type Secured,
  type SecureOptions,
  type SecureTransport
} from '@peerloom/interface'
import { lengthPrefixed, runHandshake } from '@peerloom/streams'
import { decodeExchange, encodeExchange } from './exchange.ts'

export interface PlaintextOptions {
  /** Bound on the exchange, in ms. Default 10,000. */
  readonly handshakeTimeoutMs?: number
}

const defaultHandshakeTimeoutMs = 10_000

/** The longest exchange: an RSA key of 8192 bits has about 1 KiB. */
const maxBytes = 8192

export class Plaintext implements SecureTransport {
  readonly protocol = '/plaintext/2.0.0'
  readonly #node: Pick<NodeContext, 'peerId' | 'publicKey' | 'clock'>
  readonly #timeoutMs: number

  constructor(node: Pick<NodeContext, 'peerId' | 'publicKey' | 'clock'>, options: PlaintextOptions) {
    this.#node = node
    this.#timeoutMs = options.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs
  }

  secure(channel: Channel, options: SecureOptions): Promise<Secured> {
    const bound = {
      clock: this.#node.clock,
      timeoutMs: this.#timeoutMs,
      signal: options.signal,
      what: 'the plaintext exchange'
    }
    return runHandshake(channel, bound, () => this.#exchange(channel, options))
  }

  async #exchange(channel: Channel, { expected }: SecureOptions): Promise<Secured> {
    const { peerId, publicKey } = this.#node
    const messages = lengthPrefixed(channel, { maxBytes })
    await messages.write(encodeExchange(peerId, publicKey))
    const answer = await messages.read()
    if (answer === undefined) {
      throw new PeerloomError('ERR_UNEXPECTED_END', 'the remote ended during the exchange', { remote: true })
    }
    const remote = decodeExchange(answer)
    if (expected !== undefined && !expected.equals(remote.remotePeer)) {
      throw new PeerloomError('ERR_WRONG_PEER', `dialled ${expected}, but ${remote.remotePeer} answered`, {
        remote: true
      })
    }
    messages.release()
    return { channel, ...remote }
  }
}
