import type { Multiaddr } from '@multiformats/multiaddr'
import { until } from '@peerloom/conformance'
import { createServer, get, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { authority, localhost } from './certificate.ts'
import { wsNode } from './nodes.ts'
import { RawClient, upgrade, upgradeLines } from './raw-client.ts'

async function listening<S extends Server>(server: S): Promise<{ server: S; port: number }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, port: (server.address() as { port: number }).port }
}

const website = () => createServer((_, response) => response.end('a website'))

const pageAt = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', agent: false }, (response) => {
      let text = ''
      response.on('data', (bytes: Buffer) => (text += bytes.toString())).on('end', () => resolve(text))
    }).on('error', reject)
  })

const on = (path: string): string => upgrade([`GET ${path} HTTP/1.1`, ...upgradeLines.slice(1)])

test("a node lives on a path of the application's server, and leaves it running", async () => {
  const { server, port } = await listening(website())
  const node = await wsNode(['/ip4/127.0.0.1/tcp/0/ws/http-path/p2p'], { server })
  const [address] = node.multiaddrs() as [Multiaddr]
  expect(address.toString()).toContain(`/ip4/127.0.0.1/tcp/${port}/ws/http-path/p2p`)
  const dialer = await wsNode()
  const connection = await dialer.dial(address)
  expect(await pageAt(port)).toBe('a website')
  const stranger = new RawClient(port)
  stranger.send(on('/other'))
  await until('another path is answered', () => stranger.ended)
  expect(stranger.text).toMatch(/^HTTP\/1\.1 404 /)
  const wrong = new RawClient(port)
  wrong.send(upgrade(['GET /p2p HTTP/1.1', ...upgradeLines.slice(1, 5)]))
  await until('a wrong request is answered', () => wrong.ended)
  expect(wrong.text).toMatch(/^HTTP\/1\.1 426 /)
  await node.stop()
  await until('the connection is over', () => connection.status === 'closed')
  expect(server.listenerCount('upgrade')).toBe(0)
  expect(await pageAt(port)).toBe('a website')
  await dialer.stop()
})

test("paths of the application's own upgrades are left to it", async () => {
  const { server, port } = await listening(website())
  server.on('upgrade', (request, socket: Socket) => {
    if (request.url === '/own') socket.end('mine')
  })
  const node = await wsNode(['/ip4/127.0.0.1/tcp/0/ws'], { server })
  const own = new RawClient(port)
  own.send(on('/own'))
  await until('the application answers', () => own.ended)
  expect(own.text).toBe('mine')
  const dialer = await wsNode()
  await dialer.dial(node.multiaddrs())
  await Promise.all([dialer.stop(), node.stop()])
})

test('an https server brings its own certificate', async () => {
  const { server, port } = await listening(createTlsServer(localhost, (_, response) => response.end('a website')))
  const node = await wsNode(['/ip4/127.0.0.1/tcp/0/tls/ws'], { server })
  expect(node.multiaddrs()[0]?.toString()).toContain(`/tcp/${port}/tls/ws`)
  const dialer = await wsNode([], { clientTls: { ca: authority } })
  await dialer.dial(node.multiaddrs())
  await Promise.all([dialer.stop(), node.stop()])
})
