import type { Multiaddr } from '@multiformats/multiaddr'
import { until } from '@peerloom/conformance'
import type { Stream } from '@peerloom/interface'
import { byteReader } from '@peerloom/streams'
import { certificates, type WebSocketOptions } from '@peerloom/websockets'
import { connect as connectTls, type PeerCertificate } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { authority, localhost, named, renewed } from './certificate.ts'
import { wsNode } from './nodes.ts'

async function node(listen: readonly string[], options: WebSocketOptions) {
  const made = await wsNode(listen, options)
  onTestFinished(() => made.stop())
  await made.handle('/echo', async (stream) => {
    for await (const bytes of stream) await stream.write(bytes.slice())
    await stream.close()
  })
  return made
}

const portOf = (address: Multiaddr | undefined): number => Number(address?.getComponents()[1]?.value)

async function answers(stream: Stream): Promise<void> {
  const reader = byteReader(stream)
  await stream.write(Uint8Array.of(1, 2, 3))
  expect([...(await reader.read(3))]).toEqual([1, 2, 3])
  reader.release()
}

function certificateAt(port: number): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, ca: authority }, () => {
      resolve(socket.getPeerCertificate())
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

const trusting = { clientTls: { ca: authority } }

test('/wss and /tls/ws are the same', async () => {
  const listener = await node(['/ip4/127.0.0.1/tcp/0/wss'], { tls: localhost })
  const [address] = listener.multiaddrs()
  expect(address?.toString()).toContain('/tls/ws')
  const dialer = await node([], trusting)
  await dialer.dial((address as Multiaddr).toString().replace('/tls/ws', '/wss'))
})

test('a name is looked up, and what the certificate has to be for', async () => {
  const listener = await node(['/ip4/127.0.0.1/tcp/0/wss'], { tls: localhost })
  const port = portOf(listener.multiaddrs()[0])
  const dialer = await node([], trusting)
  const connection = await dialer.dial(`/dns4/localhost/tcp/${port}/tls/ws`)
  expect(connection.remoteAddress.toString()).toContain('/dns4/localhost/')
  await expect(dialer.dial(`/ip4/127.0.0.1/tcp/${port}/tls/sni/other.example/ws`)).rejects.toMatchObject({
    code: 'ERR_DIAL',
    message: /other\.example/
  })
})

test('a name of its own for the certificate goes with an IP address', async () => {
  const listener = await node(['/ip4/127.0.0.1/tcp/0/tls/sni/node.example/ws'], { tls: named })
  const [address] = listener.multiaddrs()
  expect(address?.toString()).toContain('/tls/sni/node.example/ws')
  const dialer = await node([], trusting)
  await answers(await dialer.openStream(address as Multiaddr, '/echo'))
  const bare = (address as Multiaddr).toString().replace('/sni/node.example', '')
  await expect(dialer.dial(bare, { force: true })).rejects.toMatchObject({ code: 'ERR_DIAL', message: /127\.0\.0\.1/ })
})

test('a name that leads nowhere says why, address by address', async () => {
  const dialer = await node([], trusting)
  await expect(dialer.dial('/dns/localhost/tcp/1/wss')).rejects.toMatchObject({
    code: 'ERR_DIAL',
    message: /ECONNREFUSED/
  })
})

test('a certificate that nobody vouches for is refused, unless Noise is proof enough', async () => {
  const listener = await node(['/ip4/127.0.0.1/tcp/0/tls/ws'], { tls: localhost })
  const [address] = listener.multiaddrs() as [Multiaddr]
  const strict = await node([], {})
  await expect(strict.dial(address)).rejects.toMatchObject({ code: 'ERR_DIAL', message: /certificate/ })
  const lenient = await node([], { clientTls: { rejectUnauthorized: false } })
  await lenient.dial(address)
})

test('a renewed certificate is served to those who come, and whoever is there stays', async () => {
  const held = certificates(localhost)
  const listener = await node(['/ip4/127.0.0.1/tcp/0/tls/ws'], { tls: held })
  const [address] = listener.multiaddrs() as [Multiaddr]
  const [early, late] = [await node([], trusting), await node([], trusting)]
  const stream = await early.openStream(address, '/echo')
  await answers(stream)
  const before = await certificateAt(portOf(address))
  held.set(renewed)
  const after = await certificateAt(portOf(address))
  expect(after.fingerprint256).not.toBe(before.fingerprint256)
  await answers(await late.openStream(address, '/echo'))
  await answers(stream)
  expect(early.connections.list()).toHaveLength(1)
})

test('a certificate that cannot be used is refused, and the one before stays', async () => {
  const held = certificates(localhost)
  const listener = await node(['/ip4/127.0.0.1/tcp/0/tls/ws'], { tls: held })
  const wrong = { key: renewed.key, cert: localhost.cert }
  expect(() => held.set(wrong)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }))
  expect(held.current).toBe(localhost)
  await (await node([], trusting)).dial(listener.multiaddrs())
  await expect(node(['/ip4/127.0.0.1/tcp/0/tls/ws'], { tls: wrong })).rejects.toMatchObject({ code: 'ERR_LISTEN' })
  await expect(node(['/ip4/127.0.0.1/tcp/0/tls/ws'], {})).rejects.toMatchObject({
    code: 'ERR_LISTEN',
    message: /tls: \{ key, cert \}/
  })
})

test('a listener without a certificate tells no address, until it gets one', async () => {
  const held = certificates()
  const listener = await node(['/ip4/127.0.0.1/tcp/0/tls/ws'], { tls: held })
  expect(listener.multiaddrs()).toEqual([])
  held.set(localhost)
  await until('the address is told', () => listener.multiaddrs().length === 1)
  await (await node([], trusting)).dial(listener.multiaddrs())
})

test('TLS garbage, plain HTTP on a TLS port and half a ClientHello harm nobody', async () => {
  const listener = await node(['/ip4/127.0.0.1/tcp/0/tls/ws'], { tls: localhost, handshakeTimeoutMs: 300 })
  const [address] = listener.multiaddrs() as [Multiaddr]
  const { RawClient, upgrade } = await import('./raw-client.ts')
  const attempts = [
    upgrade(),
    Buffer.from('160301020001', 'hex'),
    Buffer.from('16030100050100000100', 'hex'),
    Buffer.alloc(5000, 0x16),
    ''
  ].map((bytes) => {
    const client = new RawClient(portOf(address))
    client.send(bytes)
    return client
  })
  await until('all are ended', () => attempts.every((client) => client.ended))
  await answers(await (await node([], trusting)).openStream(address, '/echo'))
})
