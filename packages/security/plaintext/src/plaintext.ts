import {
  type Channel,
  isPeerloomError,
  type NodeContext,
  PeerloomError,
  type Secured,
  type SecureOptions,
  type SecureTransport,
  toError
} from '@peerloom/interface'
import { lengthPrefixed } from '@peerloom/streams'
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

  async secure(channel: Channel, options: SecureOptions): Promise<Secured> {
    const { clock, peerId, publicKey } = this.#node
    const { signal, expected } = options
    const onAbort = (): void => channel.abort(toError(signal?.reason))
    const timer = clock.setTimeout(
      () => channel.abort(new PeerloomError('ERR_TIMEOUT', `the exchange took over ${this.#timeoutMs} ms`)),
      this.#timeoutMs
    )
    try {
      signal?.throwIfAborted()
      signal?.addEventListener('abort', onAbort, { once: true })
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
    } catch (error) {
      const failure = channel.error ?? (signal?.aborted === true ? toError(signal.reason) : toTyped(error))
      channel.abort(failure)
      throw failure
    } finally {
      clock.clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }
}

const toTyped = (error: unknown): PeerloomError =>
  isPeerloomError(error) ? error : new PeerloomError('ERR_SECURITY', 'plaintext: the exchange failed', { cause: error })
