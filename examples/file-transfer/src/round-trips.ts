import { connect, createServer, type AddressInfo } from 'node:net'
import { createNode } from 'peerloom'
import { fileProtocol } from './protocol.ts'

const oneWayMs = 100

/**
 * Dials through a slow line and counts how often it was crossed there and back until the first byte of the file was
 * here: the connection itself (1), the handshake, the stream.
 *
 * Crossings are counted, not timed: what one side sends comes one crossing after what it has last heard.
 */
export async function countRoundTrips(address: string): Promise<number> {
  const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
  let [heardByServer, heardByClient] = [0, 0]
  const proxy = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    client.on('data', (bytes) => {
      const crossing = heardByClient + 1
      setTimeout(() => {
        heardByServer = Math.max(heardByServer, crossing)
        server.write(bytes)
      }, oneWayMs)
    })
    server.on('data', (bytes) => {
      const crossing = heardByServer + 1
      setTimeout(() => {
        heardByClient = Math.max(heardByClient, crossing)
        client.write(bytes)
      }, oneWayMs)
    })
    for (const [near, far] of [
      [client, server],
      [server, client]
    ] as const) {
      near.on('close', () => setTimeout(() => far.destroy(), oneWayMs))
      near.on('error', () => {})
    }
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const slow = address.replace(`/tcp/${port}`, `/tcp/${(proxy.address() as AddressInfo).port}`)
  const node = await createNode({ addresses: { listen: [] } })
  const stream = await node.openStream(slow, fileProtocol)
  for await (const bytes of stream) if (bytes.length > 0) break
  const crossings = heardByClient
  stream.abort(new Error('one byte was enough'))
  await node.stop()
  proxy.close()
  // The proxy accepts at once: the round trip of the TCP handshake comes on top.
  return 1 + Math.ceil(crossings / 2)
}
