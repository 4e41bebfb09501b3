import {
  type Channel,
  type NodeContext,
  PeerloomError,
  type Secured,
  type SecureOptions,
  type SecureTransport
} from '@peerloom/interface'
import { runHandshake } from '@peerloom/streams'
import { agreedMuxer } from './alpn.ts'
import { Credentials } from './credentials.ts'
import { handshake } from './handshake.ts'
import { KnownPeers } from './known-peers.ts'
import { checkGroups } from './secure-context.ts'

export interface TlsOptions {
  /** Bound on the handshake, in ms. Default 10,000. */
  readonly handshakeTimeoutMs?: number
  /** How long the node's certificate is valid, in ms. A new one is made when a tenth is left. Default 1 year. */
  readonly certificateLifetimeMs?: number
  /** Certificates of peers that are remembered as proved. Default 1024. */
  readonly maxKnownCertificates?: number
  /**
   * Groups for the key exchange by OpenSSL's names, the preferred first; a dialler makes a key for that one only. Default
   * X25519, P-256, P-384, P-521. `['X25519MLKEM768', 'X25519']` also keeps what is said now from quantum computers to
   * come, for a quarter more CPU time and 2.3 KB in each handshake.
   */
  readonly groups?: readonly string[]
}

const defaults: Required<TlsOptions> = {
  handshakeTimeoutMs: 10_000,
  certificateLifetimeMs: 365 * 24 * 60 * 60 * 1000,
  maxKnownCertificates: 1024,
  groups: ['X25519', 'P-256', 'P-384', 'P-521']
}

type TlsContext = Pick<NodeContext, 'publicKey' | 'sign' | 'clock'>

export class Tls implements SecureTransport {
  readonly protocol = '/tls/1.0.0'
  /** OpenSSL takes the socket: whatever was said on it before has to be over. */
  readonly optimistic = false
  readonly #node: TlsContext
  readonly #options: Required<TlsOptions>
  readonly #credentials: Credentials
  readonly #peers: KnownPeers

  constructor(node: TlsContext, options: TlsOptions) {
    this.#node = node
    this.#options = { ...defaults, ...options }
    const { certificateLifetimeMs, maxKnownCertificates, groups } = this.#options
    if (!(certificateLifetimeMs >= 10_000)) {
      const given = `certificateLifetimeMs is ${certificateLifetimeMs}`
      throw new PeerloomError('ERR_INVALID_ARGUMENT', `${given}, it must be 10,000 or more`)
    }
    if (options.groups !== undefined) checkGroups(options.groups)
    this.#credentials = new Credentials(node, certificateLifetimeMs, groups)
    this.#peers = new KnownPeers(node.clock, maxKnownCertificates)
  }

  secure(channel: Channel, options: SecureOptions): Promise<Secured> {
    const bound = {
      clock: this.#node.clock,
      timeoutMs: this.#options.handshakeTimeoutMs,
      signal: options.signal,
      what: 'the TLS handshake'
    }
    return runHandshake(channel, bound, () => this.#handshake(channel, options))
  }

  async #handshake(below: Channel, options: SecureOptions): Promise<Secured> {
    const { role, muxers, expected } = options
    if (options.prologue !== undefined || options.certHashes !== undefined || options.verifyCertHashes !== undefined) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', 'TLS binds neither a prologue nor certificate hashes: use Noise')
    }
    const ready = this.#credentials.get()
    const context = ready instanceof Promise ? await ready : ready
    if (below.status !== 'open') {
      throw (
        below.error ?? new PeerloomError('ERR_UNEXPECTED_END', 'the remote ended before TLS began', { remote: true })
      )
    }
    const { socket, channel } = await handshake(below, { role, context, muxers, clock: this.#node.clock })
    const { remotePeer, remoteKey } = await this.#peers.identify(socket)
    if (expected !== undefined && !expected.equals(remotePeer)) {
      throw new PeerloomError('ERR_WRONG_PEER', `dialled ${expected}, but ${remotePeer} answered`, { remote: true })
    }
    const muxer = agreedMuxer(socket.alpnProtocol, muxers)
    // The bound, the signal or the remote may have ended it meanwhile.
    if (channel.error !== undefined) throw channel.error
    return { channel, remotePeer, remoteKey, ...(muxer === undefined ? {} : { muxer }) }
  }
}
