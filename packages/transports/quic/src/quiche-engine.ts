import { createPeerCertificate, verifyPeerCertificate } from '@peerloom/certificates'
import { peerIdFromPublicKey } from '@peerloom/identity'
import { type AbortOptions, type Log, type NodeContext, PeerloomError } from '@peerloom/interface'
import type { DatagramPort, UdpAddress } from '@peerloom/quic-engine'
import {
  type Binding,
  bindUdp,
  createConfigs,
  dialQuiche,
  isLoopback,
  knownFlaws,
  loadBinding,
  type QuicheConfigs,
  type QuicheConnection,
  QuicheDiallers,
  QuicheEndpoint
} from '@peerloom/quic-engine/quiche'
import type { QuicEngine, QuicLink, QuicListening } from './engine.ts'
import type { QuicSettings } from './options.ts'

/** The TLS specification's name for a handshake that ends in a libp2p connection. */
const alpn = 'libp2p'
const hourMs = 3_600_000
/** As other implementations do: the certificate proves the identity and nothing else. */
const validityMs = 100 * 365 * 24 * hourMs
/** TLS alert 42, bad_certificate, as a QUIC error (RFC 9001 section 4.8). */
const badCertificate = 0x100 + 42

type Context = Pick<NodeContext, 'publicKey' | 'sign' | 'clock' | 'random'>

/**
 * QUIC by quiche, on sockets of ours: dials leave from the port that listens, addresses are validated before anything is kept.
 * Experimental: its quiche has known flaws.
 */
export class QuicheEngine implements QuicEngine {
  readonly #context: Context
  readonly #settings: QuicSettings
  readonly #log: Log
  /** What listens, and is dialled from. */
  readonly #listening = new Set<QuicheEndpoint>()
  /** What is only dialled from. */
  readonly #diallers = new QuicheDiallers((port) => this.#endpoint(port))
  #configs: Promise<QuicheConfigs> | undefined = undefined

  constructor(context: Context, settings: QuicSettings, log: Log) {
    this.#context = context
    this.#settings = settings
    this.#log = log
  }

  async listen(at: UdpAddress, onLink: (link: QuicLink) => void): Promise<QuicListening> {
    const configs = await this.#configure()
    const port = await bindUdp(at)
    const endpoint = this.#endpoint(port)
    this.#listening.add(endpoint)
    endpoint.accept({
      config: configs,
      accepts: () => true,
      onConnection: (connection) =>
        void this.#identify(connection).then(onLink, (error: unknown) => {
          if (this.#log.enabled) this.#log.debug('a handshake from %s failed', connection.remote.host, error)
        })
    })
    return {
      local: port.local,
      close: () => {
        this.#listening.delete(endpoint)
        endpoint.accept(undefined)
        return endpoint.closeWhenIdle()
      }
    }
  }

  async dial(to: UdpAddress, { signal }: AbortOptions): Promise<QuicLink> {
    const configs = await this.#configure()
    const endpoint = await this.#diallingTo(to)
    const connection = await dialQuiche(endpoint, to, configs(to), {
      signal,
      timeoutMs: this.#settings.handshakeTimeoutMs
    })
    return this.#identify(connection)
  }

  stop(): Promise<void> {
    return this.#diallers.stop()
  }

  /** Who is at the other end. TLS has proved that it holds the certificate's key; the certificate proves the rest. */
  async #identify(connection: QuicheConnection): Promise<QuicLink> {
    try {
      const chain = connection.quiche.peerCertChain() ?? []
      const [certificate] = chain
      if (certificate === undefined || chain.length > 1) {
        throw new PeerloomError('ERR_SECURITY', `${chain.length} certificates, instead of one`, { remote: true })
      }
      const { publicKey } = await verifyPeerCertificate(certificate, this.#context.clock.now())
      const remotePeer = peerIdFromPublicKey(publicKey)
      const { remote, local } = connection
      const isWildcard = local.host === '0.0.0.0' || local.host === '::'
      return { connection, remotePeer, remoteKey: publicKey, remote, local: isWildcard ? undefined : local }
    } catch (error) {
      connection.refuse(badCertificate, false)
      throw error
    }
  }

  #configure(): Promise<QuicheConfigs> {
    this.#configs ??= this.#makeConfigs().catch((error: unknown) => {
      this.#configs = undefined
      throw error
    })
    return this.#configs
  }

  async #makeConfigs(): Promise<QuicheConfigs> {
    const { idleTimeoutMs, maxInboundStreams, streamWindowBytes, connectionWindowBytes } = this.#settings
    const binding = this.#binding()
    this.#log.error(`the quiche engine is experimental: quiche 0.18.0 has the known flaws ${knownFlaws.join(', ')}`)
    const now = this.#context.clock.now()
    const { pem, privateKeyPem } = await createPeerCertificate(this.#context, {
      notBefore: now - hourMs,
      notAfter: now + validityMs
    })
    return createConfigs(binding, {
      protocols: [alpn],
      certificate: pem,
      privateKey: privateKeyPem,
      askForCertificate: true,
      idleTimeoutMs,
      maxInboundStreams,
      streamWindowBytes,
      connectionWindowBytes
    })
  }

  #binding(): Binding {
    return loadBinding(import.meta.url)
  }

  #endpoint(port: DatagramPort): QuicheEndpoint {
    const { clock, random } = this.#context
    const { keepAliveMs, maxHandshakes } = this.#settings
    return new QuicheEndpoint({ binding: this.#binding(), port, clock, random, keepAliveMs, maxHandshakes })
  }

  /** From a port that listens, when one fits, so that the remote sees the address that it can reach. */
  #diallingTo(to: UdpAddress): Promise<QuicheEndpoint> {
    for (const endpoint of this.#listening)
      if (reaches(endpoint.port.local.host, to.host)) return Promise.resolve(endpoint)
    return this.#diallers.reaching(to)
  }
}

/** Whether packets that leave from one address get to another: loopback ones reach no further. */
function reaches(from: string, to: string): boolean {
  if (from.includes(':') !== to.includes(':')) return false
  if (from === '0.0.0.0' || from === '::') return true
  return isLoopback(from) === isLoopback(to)
}
