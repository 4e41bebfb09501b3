import { createCertificate } from '@peerloom/certificates'
import { seededRandom, until } from '@peerloom/conformance'
import { systemClock, systemRandom } from '@peerloom/interface'
import type { EngineStream } from '@peerloom/quic-engine'
import {
  bindUdp,
  createConfigs,
  loadBinding,
  type QuicheConnection,
  QuicheEndpoint
} from '@peerloom/quic-engine/quiche'
import { expect, onTestFinished, test } from 'vitest'
import { LossyPort } from './lossy-port.ts'

/** Two ends of a connection on ports that can be made to lose packets. */
async function connected(onStream: (stream: EngineStream) => void) {
  const binding = loadBinding(import.meta.url)
  const now = Date.now()
  const { pem, privateKeyPem } = createCertificate({ notBefore: now - 1000, notAfter: now + 1_000_000 })
  const configs = createConfigs(binding, {
    protocols: ['test'],
    certificate: pem,
    privateKey: privateKeyPem,
    askForCertificate: true,
    idleTimeoutMs: 20_000,
    streamWindowBytes: 100_000,
    connectionWindowBytes: 200_000,
    maxInboundStreams: 50
  })
  const open = async () => {
    const port = new LossyPort(await bindUdp({ host: '127.0.0.1', port: 0 }))
    const clock = systemClock
    const endpoint = new QuicheEndpoint({
      binding,
      port,
      clock,
      random: systemRandom,
      keepAliveMs: 5000,
      maxHandshakes: 1
    })
    return { port, endpoint }
  }
  const [client, server] = [await open(), await open()]
  server.endpoint.accept({
    config: configs,
    accepts: () => true,
    onConnection: (connection) => connection.start({ stream: onStream, closed() {} })
  })
  const { local } = server.port
  const connection = await new Promise<QuicheConnection>((resolve) => {
    client.endpoint.connect(local, configs(local), resolve)
  })
  onTestFinished(async () => {
    client.port.lose(() => false)
    connection.abort()
    await Promise.all([client.endpoint.closeWhenIdle(), server.endpoint.closeWhenIdle()])
  })
  connection.start({ stream() {}, closed() {} })
  return { connection, ports: [client.port, server.port] }
}

/** Answers each piece, and ends behind the other end, or a while later. */
function echo(stream: EngineStream): void {
  let [writing, ended] = [false, false]
  const finish = (): void => {
    if (ended && !writing) stream.finish()
  }
  stream.start({
    data: (bytes) => {
      writing = true
      stream.write(bytes.slice())
    },
    end: () => {
      ended = true
      finish()
    },
    written: () => {
      writing = false
      finish()
    },
    stopped() {},
    lost() {}
  })
}

/** Says something, ends once it has come back, and waits for the other end. */
function exchange(stream: EngineStream, bytes: number, onEnd: () => void): void {
  let got = 0
  stream.start({
    data: (chunk) => {
      got += chunk.length
      if (got === bytes) stream.finish()
    },
    end: onEnd,
    written() {},
    stopped() {},
    lost() {}
  })
  stream.write(new Uint8Array(bytes))
}

test.each([0, 10, 25])(
  'streams whose end comes behind their bytes end on either side, with %d of 100 packets lost',
  async (percent) => {
    const { connection, ports } = await connected(echo)
    const seed = Number(process.env['PEERLOOM_SEED'] ?? Date.now() % 1_000_000)
    console.info(`seed ${seed}`)
    const below = seededRandom(seed)
    for (const port of ports) port.lose(() => below(100) < percent)
    let ended = 0
    const streams = 200
    const opening = Array.from({ length: streams }, async (_, at) => {
      exchange(await connection.open(), 100 + at, () => ended++)
    })
    await Promise.all(opening)
    await until('all have ended', () => ended === streams, 20_000)
    expect(ended).toBe(streams)
  },
  30_000
)
