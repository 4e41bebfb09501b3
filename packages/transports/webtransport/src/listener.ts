import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { type Listener, type ListenOptions, type NodeContext, PeerloomError, type Timer } from '@peerloom/interface'
import { createNativeMuxer, engineChannel, type UdpAddress } from '@peerloom/quic-engine'
import {
  type Binding,
  bindUdp,
  createConfigs,
  loadBinding,
  type QuicheConfigs,
  type QuicheConnection,
  QuicheEndpoint
} from '@peerloom/quic-engine/quiche'
import { expandWildcard, ipAddress } from '@peerloom/sockets'
import { encodeHash, toWebTransportAddress } from './address.ts'
import type { RollingCertificates } from './certificates.ts'
import { h3Error } from './h3-constants.ts'
import { Http3Server } from './http3-server.ts'
import { datagramQueue, maxUniStreams, securityName, transportName, type WebTransportSettings } from './options.ts'

type Context = Pick<NodeContext, 'clock' | 'random' | 'log'>

/** Accepts sessions on one UDP address. Experimental, as its QUIC is. */
export class WebTransportListener implements Listener {
  readonly #context: Context
  readonly #settings: WebTransportSettings
  readonly #options: ListenOptions
  readonly #certificates: RollingCertificates
  #release: (() => void) | undefined = undefined
  #endpoint: QuicheEndpoint | undefined = undefined
  #configs: QuicheConfigs | undefined = undefined
  /** Connections that are not sessions of known peers yet. */
  #handshakes = 0

  constructor(
    context: Context,
    settings: WebTransportSettings,
    options: ListenOptions,
    certificates: RollingCertificates
  ) {
    this.#context = context
    this.#settings = settings
    this.#options = options
    this.#certificates = certificates
  }

  async listen(address: Multiaddr): Promise<void> {
    const target = toWebTransportAddress(address)
    if (target === undefined || this.#release !== undefined) {
      const why = target === undefined ? 'not a WebTransport address' : 'the listener is in use'
      throw new PeerloomError('ERR_LISTEN', `cannot listen on ${address}: ${why}`)
    }
    const { clock, random } = this.#context
    const { keepAliveMs, maxHandshakes } = this.#settings
    const binding = loadBinding(import.meta.url)
    const release = await this.#certificates.use(() => {
      this.#configs = undefined
      this.#options.onAddresses?.()
    })
    this.#release = release
    const port = await bindUdp(target).catch((error: unknown) => {
      this.#release = undefined
      release()
      throw error
    })
    const endpoint = new QuicheEndpoint({ binding, port, clock, random, keepAliveMs, maxHandshakes })
    this.#endpoint = endpoint
    endpoint.accept({
      config: (from) => (this.#configs ??= this.#makeConfigs(binding))(from),
      accepts: (from) => this.#options.upgrader.acceptInbound(addressOf(from)),
      onConnection: (connection) => this.#accept(connection)
    })
  }

  addresses(): Multiaddr[] {
    if (this.#endpoint === undefined) return []
    const { host, port } = this.#endpoint.port.local
    const hashes = this.#certificates.hashes.map((hash) => `/certhash/${encodeHash(hash)}`).join('')
    return expandWildcard(host).map((expanded) => multiaddr(`${addressOf({ host: expanded, port })}${hashes}`))
  }

  async close(): Promise<void> {
    const endpoint = this.#endpoint
    this.#endpoint = undefined
    this.#release?.()
    this.#release = undefined
    endpoint?.accept(undefined)
    await endpoint?.closeWhenIdle()
  }

  #makeConfigs(binding: Binding): QuicheConfigs {
    const { idleTimeoutMs, maxInboundStreams, streamWindowBytes, connectionWindowBytes } = this.#settings
    const { certificate } = this.#certificates.current
    return createConfigs(binding, {
      protocols: ['h3'],
      certificate: certificate.pem,
      privateKey: certificate.privateKeyPem,
      askForCertificate: false,
      idleTimeoutMs,
      // One for the request, one for the handshake.
      maxInboundStreams: maxInboundStreams + 2,
      maxInboundUniStreams: maxUniStreams,
      streamWindowBytes,
      connectionWindowBytes,
      datagramQueue
    })
  }

  #accept(connection: QuicheConnection): void {
    if (this.#handshakes >= this.#settings.maxHandshakes) {
      connection.refuse(h3Error.excessiveLoad, true)
      return
    }
    this.#handshakes++
    void this.#serve(connection).catch((error: unknown) => {
      connection.refuse(h3Error.requestRejected, true)
      const log = this.#context.log('webtransport')
      if (log.enabled) log.debug('a session from %s failed', connection.remote.host, error)
    })
  }

  async #serve(connection: QuicheConnection): Promise<void> {
    const { upgrader } = this.#options
    const { clock } = this.#context
    const timer: Timer = clock.setTimeout(
      () => connection.refuse(h3Error.requestRejected, true),
      this.#settings.handshakeTimeoutMs
    )
    try {
      const http = new Http3Server(connection)
      http.start()
      const session = await http.session
      const channel = engineChannel(await session.firstStream(), 'inbound', clock)
      const {
        remotePeer,
        remoteKey,
        channel: secured
      } = await upgrader.secure(securityName, channel, {
        role: 'responder',
        muxers: [],
        certHashes: this.#certificates.hashes
      })
      // The handshake was all that it was for.
      secured.close().catch(() => {})
      const { remote, local } = connection
      const adopted = await upgrader.adoptInbound({
        transport: transportName,
        security: securityName,
        remoteAddress: addressOf(remote),
        localAddress: local.host === '0.0.0.0' || local.host === '::' ? undefined : addressOf(local),
        remotePeer,
        remoteKey,
        createMuxer: (options) => createNativeMuxer(transportName, session, options)
      })
      if (adopted === undefined) session.abort()
    } finally {
      clock.clearTimeout(timer)
      this.#handshakes--
    }
  }
}

const addressOf = ({ host, port }: UdpAddress): Multiaddr =>
  multiaddr(`${ipAddress(host)}/udp/${port}/quic-v1/webtransport`)
