import { createCertificate, createPeerCertificate, type OwnCertificate } from '@peerloom/certificates'
import { seededRandom, until, fuzzSeed as seed } from '@peerloom/conformance'
import { generateKey } from '@peerloom/identity'
import { systemClock, systemRandom } from '@peerloom/interface'
import {
  bindUdp,
  createConfigs,
  loadBinding,
  type QuicheConnection,
  QuicheEndpoint
} from '@peerloom/quic-engine/quiche'
import type { QuicOptions } from '@peerloom/quic'
import type { DatagramPort } from '@peerloom/quic-engine'
import { createSocket, type Socket } from 'node:dgram'
import { expect, onTestFinished, test } from 'vitest'
import { LossyPort } from './lossy-port.ts'
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

async function listening(options?: QuicOptions) {
  const node = await makeNode(['/ip4/127.0.0.1/udp/0/quic-v1'], { engine: 'quiche', ...options })
  onTestFinished(() => node.stop())
  return { node, port: portOf(node.multiaddrs()[0]) }
}

/** Dials with a certificate of the test's choice. */
async function dialWith(
  port: number,
  { pem, privateKeyPem }: OwnCertificate,
  from?: DatagramPort
): Promise<QuicheConnection> {
  const binding = loadBinding(import.meta.url)
  const configs = createConfigs(binding, {
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
    port: from ?? (await bindUdp({ host: '127.0.0.1', port: 0 })),
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

async function goodCertificate(): Promise<OwnCertificate> {
  const key = await generateKey()
  const now = Date.now()
  const peer = { publicKey: key.publicKey, sign: (data: Uint8Array) => key.sign(data) }
  return createPeerCertificate(peer, { notBefore: now - hourMs, notAfter: now + hourMs })
}

test('a certificate of a peer is taken', async () => {
  const { node, port } = await listening()
  const connection = await dialWith(port, await goodCertificate())
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

test('a good-bye right behind the handshake arrives, whichever half of it comes too late', async () => {
  const { node } = await listening()
  const address = String(node.multiaddrs()[0])
  // quinn says it in a packet of the handshake, too, until it knows that that is confirmed (RFC 9000 section 10.2.3).
  const diallers = await Promise.all(Array.from({ length: 40 }, () => makeNode([])))
  onTestFinished(async () => void (await Promise.all(diallers.map((dialler) => dialler.stop()))))
  await Promise.all(
    diallers.map(async (dialler) => {
      const connection = await dialler.dial(address)
      await until('it has arrived', () => node.connections.list(dialler.peerId).length === 1)
      await connection.close()
    })
  )
  await until('all are gone, long before they are idle', () => node.connections.list().length === 0)
})

test('a good-bye that was lost is said again', async () => {
  const { node, port } = await listening({ keepAliveMs: 20 })
  const lossy = new LossyPort(await bindUdp({ host: '127.0.0.1', port: 0 }))
  const connection = await dialWith(port, await goodCertificate(), lossy)
  connection.start({ stream() {}, closed() {} })
  await until('it is a connection', () => node.connections.list().length === 1)
  lossy.lose((packet) => packet === 0)
  connection.abort()
  await until('it is over, long before it is idle', () => node.connections.list().length === 0)
})

test('whoever has proved its address and then sends noise is given up at once', async () => {
  const { node, port } = await listening()
  const socket = await boundSocket()
  const initial = await realInitial()
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
