import { noise as jsNoise } from '@libp2p/noise'
import { webSockets as jsWebSockets } from '@libp2p/websockets'
import { yamux as jsYamux } from '@libp2p/yamux'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { until } from '@peerloom/conformance'
import { createLibp2p, type Libp2p } from 'libp2p'
import { createServer } from 'node:https'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { authority, localhost } from './certificate.ts'
import { wsNode } from './nodes.ts'

const mebibyte = 1024 * 1024

/** js-libp2p dials with the WebSocket that Node brings, which asks for no authorities but those of the process. */
const authorities = tls as unknown as {
  getCACertificates(): string[]
  setDefaultCACertificates(certificates: readonly string[]): void
}
const before = authorities.getCACertificates()
beforeAll(() => authorities.setDefaultCACertificates([...before, authority]))
afterAll(() => authorities.setDefaultCACertificates(before))

async function jsNode(listen: readonly string[], secure: boolean): Promise<Libp2p> {
  const node = await createLibp2p({
    addresses: { listen: [...listen] },
    transports: [jsWebSockets(secure ? { https: localhost } : {})],
    connectionEncrypters: [jsNoise()],
    streamMuxers: [jsYamux()],
    connectionMonitor: { enabled: false },
    connectionGater: { denyDialMultiaddr: () => false }
  })
  onTestFinished(async () => node.stop())
  await node.handle('/echo', async (stream) => {
    for await (const bytes of stream) if (!stream.send(bytes)) await stream.onDrain()
    await stream.close()
  })
  return node
}

async function ourNode(listen: readonly string[] = []) {
  const node = await wsNode(listen, { tls: localhost, clientTls: { ca: authority } })
  onTestFinished(() => node.stop())
  await node.handle('/echo', async (stream) => {
    for await (const bytes of stream) await stream.write(bytes.slice())
    await stream.close()
  })
  return node
}

describe.each([
  ['ws', false],
  ['tls/ws', true]
])('js-libp2p over /%s', (suffix, secure) => {
  test.each(['ip4/127.0.0.1', 'ip6/::1'])('is dialled on %s, and echoes', async (ip) => {
    const js = await jsNode([`/${ip}/tcp/0/${suffix}`], secure)
    const ours = await ourNode()
    const connection = await ours.dial((js.getMultiaddrs()[0] as Multiaddr).toString())
    expect(connection).toMatchObject({ security: '/noise', muxer: '/yamux/1.0.0', transport: 'ws' })
    const stream = await connection.openStream('/echo')
    const sent = new Uint8Array(4 * mebibyte).map((_, at) => at * 31)
    const sending = (async () => {
      for (let at = 0; at < sent.length; at += 50_000) await stream.write(sent.slice(at, at + 50_000))
      await stream.closeWrite()
    })()
    const chunks: Uint8Array[] = []
    for await (const bytes of stream) chunks.push(bytes.slice())
    await sending
    expect(Buffer.concat(chunks).equals(sent)).toBe(true)
    await connection.close()
    await until('it has noticed', () => js.getConnections().length === 0)
  })

  test.each(['ip4/127.0.0.1', 'ip6/::1'])('dials us on %s, and is echoed', async (ip) => {
    const ours = await ourNode([`/${ip}/tcp/0/${suffix}`])
    const js = await jsNode([], secure)
    const connection = await js.dial(multiaddr((ours.multiaddrs()[0] as Multiaddr).toString()))
    const stream = await connection.newStream('/echo')
    const sent = new Uint8Array(4 * mebibyte).map((_, at) => at * 17)
    const chunks: Uint8Array[] = []
    const receiving = (async () => {
      for await (const bytes of stream) chunks.push(bytes.subarray())
    })()
    for (let at = 0; at < sent.length; at += 50_000) {
      if (!stream.send(sent.slice(at, at + 50_000))) await stream.onDrain()
    }
    await stream.close()
    await receiving
    expect(Buffer.concat(chunks).equals(sent)).toBe(true)
    await connection.close()
    await until('we have noticed', () => ours.connections.list().length === 0)
  })

  test('is lost and noticed in both directions', async () => {
    const ours = await ourNode([`/ip4/127.0.0.1/tcp/0/${suffix}`])
    const js = await jsNode([], secure)
    const connection = await js.dial(multiaddr((ours.multiaddrs()[0] as Multiaddr).toString()))
    await until('we are connected', () => ours.connections.list().length === 1)
    ours.connections.list()[0]?.abort(new Error('enough'))
    await until('it has noticed', () => connection.status !== 'open')
    const again = await js.dial(multiaddr((ours.multiaddrs()[0] as Multiaddr).toString()))
    again.abort(new Error('enough'))
    await until('we have noticed', () => ours.connections.list().length === 0)
  })
})

test('the ws package, with its pings and closes, gets what it expects', async () => {
  const ours = await ourNode(['/ip4/127.0.0.1/tcp/0/ws'])
  const socket = new WebSocket(`ws://127.0.0.1:${ours.multiaddrs()[0]?.getComponents()[1]?.value}/any/path?query`)
  const pongs: string[] = []
  let code = 0
  socket.on('pong', (payload) => pongs.push(payload.toString())).on('close', (closed) => (code = closed))
  await new Promise((resolve) => socket.once('open', resolve))
  expect(socket.extensions).toBe('')
  socket.ping('are you there')
  await until('it is answered', () => pongs[0] === 'are you there')
  socket.close(1000)
  await until('it is closed', () => code !== 0)
  expect(code).toBe(4000) // in the middle of a negotiation
})

test('a server of the ws package on the path of an address is reached, in plain text and over TLS', async () => {
  for (const secure of [false, true]) {
    const paths: (string | undefined)[] = []
    const server = secure ? createServer(localhost) : undefined
    const sockets = new WebSocketServer({
      perMessageDeflate: true,
      ...(server ? { server } : { port: 0, host: '127.0.0.1' })
    })
    onTestFinished(() => {
      for (const client of sockets.clients) client.terminate()
      sockets.close()
      server?.close()
    })
    let closeCode = 0
    sockets.on('connection', (socket, request) => {
      paths.push(request.url)
      socket.on('message', (bytes: Buffer) => {
        if (bytes.toString().includes('multistream')) socket.send('text is not for us')
      })
      socket.on('close', (code) => (closeCode = code))
    })
    if (server) server.listen(0, '127.0.0.1')
    await until('it listens', () => sockets.address() !== null)
    const { port } = sockets.address() as { port: number }
    const ours = await ourNode()
    const address = `/ip4/127.0.0.1/tcp/${port}${secure ? '/tls' : ''}/ws/http-path/a%2Fb%20c`
    await expect(ours.dial(address)).rejects.toMatchObject({ code: 'ERR_DIAL', message: /text message/ })
    await until('it is told why', () => closeCode === 1003)
    expect(paths).toEqual(['/a/b%20c'])
  }
})
