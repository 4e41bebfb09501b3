import { createCertificate, createPeerCertificate, type OwnCertificate } from '@peerloom/certificates'
import { seededRandom, until } from '@peerloom/conformance'
import { generateKey } from '@peerloom/identity'
import { systemClock, systemRandom } from '@peerloom/interface'
import { bindUdp, createConfig, loadBinding, type QuicheConnection, QuicheEndpoint } from '@peerloom/quic-engine/quiche'
import { createSocket, type Socket } from 'node:dgram'
import { expect, onTestFinished, test } from 'vitest'
import { makeNode } from './nodes.ts'

const hourMs = 3_600_000
const quicheNode = (listen: string[]) => makeNode(listen, { engine: 'quiche' })
const portOf = (address: unknown): number => Number(String(address).split('/')[4])

async function boundSocket(): Promise<Socket> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  onTestFinished(() => void socket.close())
  return socket
}

const answerTo = (socket: Socket, packet: Uint8Array, port: number): Promise<Uint8Array> =>
  new Promise((resolve) => {
    socket.once('message', resolve)
    socket.send(packet, port, '127.0.0.1')
  })

/** The first packet that a real client sends to this socket. */
async function realInitial(): Promise<Uint8Array> {
  const socket = await boundSocket()
  const packet = new Promise<Uint8Array>((resolve) => socket.once('message', resolve))
  const dialer = await makeNode([], { handshakeTimeoutMs: 100 })
  await dialer.dial(`/ip4/127.0.0.1/udp/${socket.address().port}/quic-v1`).catch(() => {})
  await dialer.stop()
  return packet
}

async function listening() {
  const node = await quicheNode(['/ip4/127.0.0.1/udp/0/quic-v1'])
  onTestFinished(() => node.stop())
  return { node, port: portOf(node.multiaddrs()[0]) }
}

/** Dials with a certificate of the test's choice. */
async function dialWith(port: number, { pem, privateKeyPem }: OwnCertificate): Promise<QuicheConnection> {
  const binding = loadBinding(import.meta.url)
  const config = createConfig(binding, {
    protocols: ['libp2p'],
    certificate: pem,
    privateKey: privateKeyPem,
    askForCertificate: true,
    idleTimeoutMs: 5000,
    streamWindowBytes: 100_000,
    connectionWindowBytes: 100_000,
    maxInboundStreams: 10
  })
  const endpoint = new QuicheEndpoint({
    binding,
    port: await bindUdp({ host: '127.0.0.1', port: 0 }),
    clock: systemClock,
    random: systemRandom,
    keepAliveMs: 5000,
    maxHandshakes: 1
  })
  const connection = await new Promise<QuicheConnection>((resolve) => {
    endpoint.connect({ host: '127.0.0.1', port }, config, resolve)
  })
  onTestFinished(async () => {
    connection.abort()
    await endpoint.closeWhenIdle()
  })
  return connection
}

/** What the remote said when it ended the connection. */
async function endOf(connection: QuicheConnection): Promise<number | undefined> {
  let over = false
  connection.start({ stream() {}, closed: () => (over = true) })
  await until('it is over', () => over)
  return connection.quiche.peerError()?.errorCode
}

test('a first packet is answered with a Retry, whoever sends it and however often', async () => {
  const { node, port } = await listening()
  const socket = await boundSocket()
  const initial = await realInitial()
  for (let again = 0; again < 3; again++) {
    const retry = await answerTo(socket, initial, port)
    // RFC 9000 section 17.2.5: long header, type 3.
    expect((retry[0] as number) & 0xf0).toBe(0xf0)
    expect(retry.length).toBeLessThan(initial.length)
  }
  expect(node.connections.list()).toHaveLength(0)
})

test('another version is answered with those that there are', async () => {
  const { port } = await listening()
  const packet = await realInitial()
  packet.set([0x0a, 0x1a, 0x2a, 0x3a], 1)
  const answer = await answerTo(await boundSocket(), packet, port)
  expect([...answer.subarray(1, 5)]).toEqual([0, 0, 0, 0])
  expect([...answer.subarray(-4)]).toEqual([0, 0, 0, 1])
})

test('dials leave from the port that listens', async () => {
  const [one, other] = [await listening(), await listening()]
  const connection = await one.node.dial(other.node.multiaddrs())
  await until('it has arrived', () => other.node.connections.list().length === 1)
  expect(portOf(other.node.connections.list()[0]?.remoteAddress)).toBe(one.port)
  expect(portOf(connection.localAddress)).toBe(one.port)
})

test('a certificate of a peer is taken', async () => {
  const { node, port } = await listening()
  const key = await generateKey()
  const now = Date.now()
  const node2 = { publicKey: key.publicKey, sign: (data: Uint8Array) => key.sign(data) }
  const good = await createPeerCertificate(node2, { notBefore: now - hourMs, notAfter: now + hourMs })
  const connection = await dialWith(port, good)
  expect(connection.isEstablished).toBe(true)
  await until('it is a connection', () => node.connections.list().length === 1)
})

test('certificates without an identity, with a forged one and out of date are refused', async () => {
  const { node, port } = await listening()
  const [key, other] = [await generateKey(), await generateKey()]
  const now = Date.now()
  const times = { notBefore: now - hourMs, notAfter: now + hourMs }
  const honest = { publicKey: key.publicKey, sign: (data: Uint8Array) => key.sign(data) }
  const forged = { publicKey: key.publicKey, sign: (data: Uint8Array) => other.sign(data) }
  const certificates = [
    createCertificate(times),
    await createPeerCertificate(forged, times),
    await createPeerCertificate(honest, { notBefore: now - 2 * hourMs, notAfter: now - hourMs })
  ]
  for (const certificate of certificates) {
    // TLS alert 42, bad_certificate (RFC 9001 section 4.8).
    expect(await endOf(await dialWith(port, certificate))).toBe(0x100 + 42)
  }
  expect(node.connections.list()).toHaveLength(0)
})

test('whoever has proved its address and then sends noise is given up at once', async () => {
  const { node, port } = await listening()
  const socket = await boundSocket()
  const initial = await realInitial()
  const seed = Number(process.env['PEERLOOM_SEED'] ?? Date.now() % 1_000_000)
  console.info(`seed ${seed}`)
  const below = seededRandom(seed)
  // More than may be under way at once, so that none can be held.
  for (let round = 0; round < 1500; round++) {
    const retry = await answerTo(socket, initial, port)
    const dcidBytes = retry[5] as number
    const scidAt = 7 + dcidBytes
    const scidBytes = retry[scidAt - 1] as number
    const scid = retry.subarray(scidAt, scidAt + scidBytes)
    const token = retry.subarray(scidAt + scidBytes, -16)
    const head = [0xc0 | below(16), 0, 0, 0, 1, scidBytes, ...scid, 0, 0x40, token.length, ...token, 0x44, 0x80]
    const packet = Uint8Array.from({ length: 1250 }, (_, at) => head[at] ?? below(256))
    socket.send(packet, port, '127.0.0.1')
  }
  const dialer = await quicheNode([])
  onTestFinished(() => dialer.stop())
  expect((await dialer.dial(node.multiaddrs())).status).toBe('open')
})
