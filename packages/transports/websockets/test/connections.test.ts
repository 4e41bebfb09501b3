import { testConnections } from '@peerloom/conformance'
import { tcp } from '@peerloom/tcp'
import type { WebSocketOptions } from '@peerloom/websockets'
import { createServer } from 'node:net'
import { authority, localhost } from './certificate.ts'
import { wsNode } from './nodes.ts'

async function nodes(listen: readonly string[], options: WebSocketOptions = {}, dial = 0, share = false) {
  const listener = await wsNode(listen, options, share ? [tcp()] : [])
  const dialer = await wsNode([], options)
  const connection = await dialer.dial(listener.multiaddrs()[dial] as never)
  return { dialer, listener, connection, stop: async () => void (await Promise.all([dialer.stop(), listener.stop()])) }
}

const freePort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

const secure = { tls: localhost, clientTls: { ca: authority } }

for (const ip of ['/ip4/127.0.0.1', '/ip6/::1']) {
  testConnections(`WebSocket, ${ip}`, () => nodes([`${ip}/tcp/0/ws`]))
  testConnections(`WebSocket over TLS, ${ip}`, () => nodes([`${ip}/tcp/0/tls/ws`], secure))
}

testConnections('WebSocket on a port that TCP has too', async () => {
  const port = await freePort()
  return nodes([`/ip4/127.0.0.1/tcp/${port}`, `/ip4/127.0.0.1/tcp/${port}/ws`], {}, 1, true)
})

testConnections('WebSocket over TLS on a port that TCP and plain WebSockets have too', async () => {
  const at = `/ip4/127.0.0.1/tcp/${await freePort()}`
  return nodes([at, `${at}/ws`, `${at}/wss`], secure, 2, true)
})
