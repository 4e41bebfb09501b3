import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { createNode } from 'peerloom'
import { fileProtocol } from './protocol.ts'

const oneWayMs = 50

/** Passes bytes on, each `oneWayMs` later than it came. */
function delay(from: Socket, to: Socket): void {
  from.on('data', (bytes) => setTimeout(() => to.write(bytes), oneWayMs))
  from.on('close', () => setTimeout(() => to.destroy(), oneWayMs))
  from.on('error', () => {})
}

/**
 * Dials through a slow line and counts how often it was crossed there and back until the first byte of the file was
 * here: the connection itself (1), the handshake, the stream.
 */
export async function countRoundTrips(address: string): Promise<number> {
  const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
  const proxy = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    delay(near, far)
    delay(far, near)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const slow = address.replace(`/tcp/${port}`, `/tcp/${(proxy.address() as AddressInfo).port}`)
  const node = await createNode({ addresses: { listen: [] } })
  const started = performance.now()
  const stream = await node.openStream(slow, fileProtocol)
  for await (const bytes of stream) if (bytes.length > 0) break
  const elapsed = performance.now() - started
  stream.abort(new Error('one byte was enough'))
  await node.stop()
  proxy.close()
  // The proxy accepts at once, so the round trip of the TCP handshake is not in the time.
  return 1 + Math.round(elapsed / (2 * oneWayMs))
}
