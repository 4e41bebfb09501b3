import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { type Listener, type ListenOptions, type NodeContext, PeerloomError, toError } from '@peerloom/interface'
import { expandWildcard } from '@peerloom/sockets'
import { CandidateGate } from './candidate-gate.ts'
import type { CertificateKeeper, ServerCertificate } from './certificate-keeper.ts'
import { type DirectAddress, parseDirectAddress } from './direct-address.ts'
import type { DirectSettings } from './direct-options.ts'
import { inferOffer } from './direct-sdp.ts'
import { createNodeLink, loadNodeDataChannel } from './engine.ts'
import type { RtcEngine } from './engine-interface.ts'
import { formatCerthash, noisePrologue } from './fingerprint.ts'
import { HandshakeChannel, secureLink } from './handshake.ts'
import { credentialsOfRequest, type DirectCredentials } from './ice-credentials.ts'
import { RtcSession } from './session.ts'
import { type BindingRequest, openUdpMux, type UdpMux } from './udp-mux.ts'

/** Serves WebRTC Direct on one UDP port. */
export class DirectListener implements Listener {
  readonly #node: Pick<NodeContext, 'clock' | 'log'>
  readonly #settings: DirectSettings
  readonly #certificates: CertificateKeeper
  readonly #options: ListenOptions
  readonly #gate: CandidateGate
  #address: DirectAddress | undefined
  #mux: UdpMux | undefined
  #closedMux: UdpMux | undefined
  #certificate: ServerCertificate | undefined
  #stopRenewal: (() => void) | undefined
  #engine: RtcEngine | undefined

  constructor(
    node: Pick<NodeContext, 'clock' | 'log'>,
    settings: DirectSettings,
    certificates: CertificateKeeper,
    options: ListenOptions
  ) {
    this.#node = node
    this.#settings = settings
    this.#certificates = certificates
    this.#options = options
    this.#gate = new CandidateGate({
      clock: node.clock,
      maxPending: settings.maxPendingInbound,
      maxPerSource: settings.maxPendingPerAddress,
      rate: settings.inboundRate
    })
  }

  async listen(address: Multiaddr): Promise<void> {
    const parsed = parseDirectAddress(address)
    if (parsed === undefined || this.#address !== undefined) {
      const why = parsed === undefined ? 'not a WebRTC Direct address' : 'the listener is in use'
      throw new PeerloomError('ERR_LISTEN', `cannot listen on ${address}: ${why}`)
    }
    this.#address = parsed
    try {
      const native = await loadNodeDataChannel()
      // The first packet of a client may be its only one for a while: nothing waits for a promise here.
      this.#engine = { createLink: async (options, events) => createNodeLink(native, options, events) }
      const [certificate, stop] = await this.#certificates.use((renewed) => {
        this.#certificate = renewed
        this.#options.onAddresses?.()
      })
      this.#certificate = certificate
      this.#stopRenewal = stop
      this.#mux = await openUdpMux(parsed.host, parsed.port, (request) => this.#onRequest(request))
    } catch (error) {
      await this.close()
      throw error
    }
  }

  addresses(): Multiaddr[] {
    if (this.#mux === undefined || this.#address === undefined || this.#certificate === undefined) return []
    const { port } = this.#mux
    const { family } = this.#address
    const hash = formatCerthash(this.#certificate.fingerprint)
    return expandWildcard(this.#address.host).map((host) =>
      multiaddr(`/ip${family}/${host}/udp/${port}/webrtc-direct/certhash/${hash}`)
    )
  }

  close(): Promise<void> {
    this.#stopRenewal?.()
    this.#stopRenewal = undefined
    this.#mux?.close()
    this.#closedMux ??= this.#mux
    this.#mux = undefined
    this.#address = undefined
    this.#gate.clear()
    return Promise.resolve()
  }

  released(): Promise<void> {
    return this.#closedMux?.released(this.#node.clock) ?? Promise.resolve()
  }

  /** Called for every packet of every client that has no connection: nothing is made before all is checked. */
  #onRequest({ serverUfrag, clientUfrag, host, port }: BindingRequest): void {
    const certificate = this.#certificate
    if (this.#mux === undefined || certificate === undefined) return
    const credentials = credentialsOfRequest(serverUfrag, clientUfrag)
    if (credentials === undefined) return
    const abort = new AbortController()
    const candidate = this.#gate.enter(host, port, serverUfrag, () => {
      abort.abort(new PeerloomError('ERR_LIMIT', 'too many WebRTC connections are being made'))
    })
    if (candidate === undefined) return
    const client: DirectAddress = { host, port, family: host.includes(':') ? 6 : 4 }
    const remoteAddress = multiaddr(`/ip${client.family}/${host}/udp/${port}/webrtc-direct`)
    if (!this.#options.upgrader.acceptInbound(remoteAddress)) {
      this.#gate.bar(candidate)
      return
    }
    const made = this.#accept(client, credentials, certificate, remoteAddress, {
      signal: abort.signal,
      onProven: () => {
        candidate.proven = true
      },
      onOver: () => this.#gate.bar(candidate)
    })
    made.then(
      () => this.#gate.leave(candidate),
      (error: unknown) => {
        this.#gate.bar(candidate)
        const log = this.#node.log('webrtc-direct')
        if (log.enabled) log.debug('inbound connection from %s failed', remoteAddress.toString(), toError(error))
      }
    )
  }

  async #accept(
    client: DirectAddress,
    credentials: DirectCredentials,
    certificate: ServerCertificate,
    remoteAddress: Multiaddr,
    { signal, onProven, onOver }: { signal: AbortSignal; onProven: () => void; onOver: () => void }
  ): Promise<void> {
    const { clock } = this.#node
    const { upgrader } = this.#options
    const mux = this.#mux as UdpMux
    const serve = { ...certificate, port: mux.port, bindAddress: mux.bindAddress }
    const session = await RtcSession.create(this.#engine as RtcEngine, { serve }, this.#settings.dataChannel)
    try {
      const { link } = session
      const channel = new HandshakeChannel(session, clock)
      await link.setRemote('offer', inferOffer({ address: client, credentials: credentials.client }))
      await link.describe('answer', credentials.server)
      session.onUp = onProven
      await channel.opened({ signal, timeoutMs: this.#settings.connectTimeoutMs })
      const fingerprint = link.remoteFingerprint()
      if (fingerprint === undefined) {
        throw new PeerloomError('ERR_SECURITY', 'the remote has no sha-256 fingerprint', { remote: true })
      }
      const secured = await secureLink(channel.stream, {
        upgrader,
        serves: true,
        prologue: noisePrologue(fingerprint, certificate.fingerprint),
        signal
      })
      if (session.error !== undefined) throw session.error
      const connection = await upgrader.adoptInbound({
        transport: 'webrtc-direct',
        remoteAddress,
        localAddress: this.#localAddress(),
        security: '/noise',
        remotePeer: secured.remotePeer,
        remoteKey: secured.remoteKey,
        createMuxer: (settings) => session.createMuxer(settings)
      })
      if (connection === undefined) throw new PeerloomError('ERR_GATED', 'the connection was not adopted')
      session.onDown = onOver
    } catch (error) {
      session.close()
      throw error
    }
  }

  #localAddress(): Multiaddr | undefined {
    const { host, family } = this.#address ?? {}
    const { port } = this.#mux ?? {}
    return host === undefined || port === undefined
      ? undefined
      : multiaddr(`/ip${family}/${host}/udp/${port}/webrtc-direct`)
  }
}
