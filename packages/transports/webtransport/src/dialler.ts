import { certificateHash, checkValidity, parseCertificate } from '@peerloom/certificates'
import { type NodeContext, PeerloomError, toError } from '@peerloom/interface'
import type { EngineConnection } from '@peerloom/quic-engine'
import {
  createConfigs,
  dialQuiche,
  loadBinding,
  type QuicheConfigs,
  type QuicheConnection,
  QuicheDiallers,
  QuicheEndpoint
} from '@peerloom/quic-engine/quiche'
import { authorityOf, type WebTransportAddress } from './address.ts'
import { maxValidityMs } from './certificates.ts'
import { h3Error } from './h3-constants.ts'
import { requestSession } from './http3-client.ts'
import { datagramQueue, maxUniStreams, type WebTransportSettings } from './options.ts'

/** TLS alert 42, bad_certificate, as a QUIC error (RFC 9001 section 4.8). */
const badCertificate = 0x100 + 42

/** Opens sessions from sockets of its own. Experimental, as its QUIC is. */
export class WebTransportDialler {
  readonly #context: Pick<NodeContext, 'clock' | 'random'>
  readonly #settings: WebTransportSettings
  readonly #diallers: QuicheDiallers
  #configs: QuicheConfigs | undefined = undefined

  constructor(context: Pick<NodeContext, 'clock' | 'random'>, settings: WebTransportSettings) {
    this.#context = context
    this.#settings = settings
    this.#diallers = new QuicheDiallers((port) => {
      const { clock, random } = context
      const { keepAliveMs } = settings
      const binding = loadBinding(import.meta.url)
      return new QuicheEndpoint({ binding, port, clock, random, keepAliveMs, maxHandshakes: 0 })
    })
  }

  /** Rejects with ERR_ADDRESS_UNREACHABLE, ERR_SECURITY, ERR_MISSING_MODULE and the signal's reason. */
  async open(target: WebTransportAddress, signal: AbortSignal): Promise<EngineConnection> {
    const configs = (this.#configs ??= this.#makeConfigs())
    const endpoint = await this.#diallers.reaching(target)
    const { handshakeTimeoutMs } = this.#settings
    const connection = await dialQuiche(endpoint, target, configs(target), { signal, timeoutMs: handshakeTimeoutMs })
    this.#checkCertificate(connection, target)
    const onAbort = (): void => connection.refuse(h3Error.requestCancelled, true)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await requestSession(connection, authorityOf(target))
    } catch (error) {
      connection.refuse(h3Error.requestCancelled, true)
      throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  stop(): Promise<void> {
    return this.#diallers.stop()
  }

  /**
   * TLS has proved that the other end has the key of its certificate; the rest is what a browser asks of one that is told by its
   * hash (W3C WebTransport, "custom certificate requirements").
   */
  #checkCertificate(connection: QuicheConnection, { hashes }: WebTransportAddress): void {
    try {
      const [der] = connection.quiche.peerCertChain() ?? []
      const shown = der === undefined ? undefined : Buffer.from(certificateHash(der))
      if (der === undefined || !hashes.some((hash) => shown?.equals(hash) === true)) {
        throw refused('the certificate has none of the hashes of the address')
      }
      const certificate = parseCertificate(der)
      checkValidity(certificate, this.#context.clock.now())
      if (certificate.notAfter - certificate.notBefore > maxValidityMs) {
        throw refused('the certificate is valid for more than 14 days')
      }
    } catch (error) {
      connection.refuse(badCertificate, false)
      throw error instanceof PeerloomError && error.code === 'ERR_SECURITY' ? error : refused(toError(error).message)
    }
  }

  #makeConfigs(): QuicheConfigs {
    const { idleTimeoutMs, maxInboundStreams, streamWindowBytes, connectionWindowBytes } = this.#settings
    return createConfigs(loadBinding(import.meta.url), {
      protocols: ['h3'],
      askForCertificate: true,
      idleTimeoutMs,
      maxInboundStreams,
      maxInboundUniStreams: maxUniStreams,
      streamWindowBytes,
      connectionWindowBytes,
      datagramQueue
    })
  }
}

const refused = (message: string): PeerloomError => new PeerloomError('ERR_SECURITY', message, { remote: true })
