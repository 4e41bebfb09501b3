import { createCertificate } from '@peerloom/certificates'
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

/** What came back on one stream. */
export interface Answer {
  readonly stream: EngineStream
  bytes: Uint8Array
  over: boolean
  /** Why it ended, unless it did so in good order. */
  error: Error | undefined
}

/** An HTTP/3 connection that says whatever a test wants it to. */
export async function rawClient(port: number): Promise<{
  readonly connection: QuicheConnection
  readonly isOver: () => boolean
  send(bytes: Uint8Array): Promise<Answer>
  sendUni(bytes: Uint8Array): void
}> {
  const binding = loadBinding(import.meta.url)
  const now = Date.now()
  const { pem, privateKeyPem } = createCertificate({ notBefore: now - 1000, notAfter: now + 1_000_000 })
  const configs = createConfigs(binding, {
    protocols: ['h3'],
    certificate: pem,
    privateKey: privateKeyPem,
    askForCertificate: true,
    idleTimeoutMs: 10_000,
    streamWindowBytes: 1_000_000,
    connectionWindowBytes: 1_000_000,
    maxInboundStreams: 100,
    maxInboundUniStreams: 10,
    datagramQueue: 4
  })
  const udp = await bindUdp({ host: '127.0.0.1', port: 0 })
  const endpoint = new QuicheEndpoint({
    binding,
    port: udp,
    clock: systemClock,
    random: systemRandom,
    keepAliveMs: 5000,
    maxHandshakes: 1
  })
  const to = { host: '127.0.0.1', port }
  const connection = await new Promise<QuicheConnection>((resolve) => {
    endpoint.connect(to, configs(to), resolve)
  })
  onTestFinished(async () => {
    connection.abort()
    await endpoint.closeWhenIdle()
  })
  let over = !connection.isEstablished
  connection.start({ stream: (stream) => stream.reset(() => {}), closed: () => (over = true) })
  const listen = (stream: EngineStream): Answer => {
    const answer: Answer = { stream, bytes: new Uint8Array(0), over: false, error: undefined }
    stream.start({
      data: (bytes) => (answer.bytes = Buffer.concat([answer.bytes, bytes])),
      end: () => (answer.over = true),
      lost: (error) => {
        answer.over = true
        answer.error = error
      },
      written() {},
      stopped() {}
    })
    return answer
  }
  return {
    connection,
    isOver: () => over,
    async send(bytes) {
      const answer = listen(await connection.open())
      answer.stream.write(bytes)
      return answer
    },
    sendUni(bytes) {
      const stream = connection.openUni()
      if (stream === undefined) throw new Error('no unidirectional stream is allowed')
      listen(stream).stream.write(bytes)
    }
  }
}
