import { certificateHash, createCertificate } from '@peerloom/certificates'
import { systemClock, systemRandom } from '@peerloom/interface'
import type { EngineStream } from '@peerloom/quic-engine'
import {
  bindUdp,
  createConfigs,
  loadBinding,
  type QuicheConnection,
  QuicheEndpoint
} from '@peerloom/quic-engine/quiche'
import { onTestFinished } from 'vitest'
import { encodeHash } from '../src/address.ts'

const hourMs = 3_600_000

export interface RawServerOptions {
  /** On the control stream, once connected. */
  readonly control: Uint8Array
  /** Written to each request. Undefined: the stream is reset. */
  readonly answer: Uint8Array | undefined
  /** Of the certificate. Default: now, for a week. */
  readonly notBefore?: number
  readonly notAfter?: number
}

/** An HTTP/3 server that says whatever a test wants it to; its address. */
export async function rawServer(options: RawServerOptions): Promise<{
  readonly address: string
  readonly connections: readonly QuicheConnection[]
}> {
  const binding = loadBinding(import.meta.url)
  const now = Date.now()
  const { notBefore = now - hourMs, notAfter = now + 7 * 24 * hourMs } = options
  const certificate = createCertificate({ notBefore, notAfter })
  const port = await bindUdp({ host: '127.0.0.1', port: 0 })
  const endpoint = new QuicheEndpoint({
    binding,
    port,
    clock: systemClock,
    random: systemRandom,
    keepAliveMs: 5000,
    maxHandshakes: 10
  })
  const configs = createConfigs(binding, {
    protocols: ['h3'],
    certificate: certificate.pem,
    privateKey: certificate.privateKeyPem,
    askForCertificate: false,
    idleTimeoutMs: 10_000,
    streamWindowBytes: 1_000_000,
    connectionWindowBytes: 1_000_000,
    maxInboundStreams: 100,
    maxInboundUniStreams: 10,
    datagramQueue: 4
  })
  const connections: QuicheConnection[] = []
  endpoint.accept({
    config: configs,
    accepts: () => true,
    onConnection: (connection) => {
      connections.push(connection)
      connection.handleExtras({ resetCode: 0, uniStream: (stream) => stream.start(deaf), datagram() {} })
      connection.start({ stream: (stream) => answer(stream, options.answer), closed() {} })
      const control = connection.openUni()
      control?.start(deaf)
      control?.write(options.control)
    }
  })
  onTestFinished(async () => {
    for (const connection of connections) connection.abort()
    endpoint.accept(undefined)
    await endpoint.closeWhenIdle()
  })
  const hash = encodeHash(certificateHash(certificate.der))
  return { address: `/ip4/127.0.0.1/udp/${port.local.port}/quic-v1/webtransport/certhash/${hash}`, connections }
}

const deaf = { data() {}, end() {}, written() {}, stopped() {}, lost() {} }

function answer(stream: EngineStream, bytes: Uint8Array | undefined): void {
  let answered = false
  stream.start({
    ...deaf,
    data: () => {
      if (answered) return
      answered = true
      if (bytes === undefined) stream.reset(() => {})
      else stream.write(bytes)
    }
  })
}
