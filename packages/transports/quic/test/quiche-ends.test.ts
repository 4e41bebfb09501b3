import { createCertificate } from '@peerloom/certificates'
import { until } from '@peerloom/conformance'
import { systemClock, systemRandom } from '@peerloom/interface'
import type { EngineStream } from '@peerloom/quic-engine'
import {
  bindUdp,
  createConfigs,
  loadBinding,
  type QuicheConnection,
  QuicheEndpoint
} from '@peerloom/quic-engine/quiche'
import { onTestFinished, test } from 'vitest'
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
    maxInboundStreams: 250
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
    onConnection: (inbound) => inbound.start({ stream: onStream, closed() {} })
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

const deaf = { data() {}, end() {}, written() {}, stopped() {}, lost() {} }

/** Whether a stream that says something has heard an answer and its end. */
async function exchange(connection: QuicheConnection): Promise<() => boolean> {
  const stream = await connection.open()
  let [got, ended] = [0, false]
  stream.start({
    ...deaf,
    data: (bytes) => (got += bytes.length),
    end: () => (ended = true),
    written: () => stream.finish()
  })
  stream.write(new Uint8Array(100))
  return () => got === 100 && ended
}

test('an end behind bytes that have left arrives, also when they are acknowledged before it is sent', async () => {
  const { connection } = await connected((stream) => {
    let answer: Uint8Array | undefined
    stream.start({
      ...deaf,
      data: (bytes) => {
        answer = bytes.slice()
        stream.write(answer)
      },
      // As late as the acknowledgement, or a little earlier or later.
      written: () => void setTimeout(() => stream.finish(), Number(stream.id) % 3)
    })
  })
  const exchanges = await Promise.all(Array.from({ length: 200 }, () => exchange(connection)))
  await until('all have ended', () => exchanges.every((isOver) => isOver()))
})

test('an end that is lost, and whose bytes are acknowledged meanwhile, arrives', async () => {
  const { connection, ports } = await connected((stream) => {
    stream.start({
      ...deaf,
      data: (bytes) => stream.write(bytes.slice()),
      // In a packet of its own, which is lost.
      written: () =>
        void setImmediate(() => {
          ports[1]?.lose((index) => index === 0)
          stream.finish()
        })
    })
  })
  for (let round = 0; round < 50; round++) {
    const isOver = await exchange(connection)
    await until(`stream ${round} has ended`, isOver)
  }
})
