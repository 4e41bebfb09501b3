import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { createNode } from 'peerloom'
import { fileProtocol } from './protocol.ts'

/**
 * Dials through a line that counts how often it was crossed there and back until the first byte of the file was here:
 * the connection itself (1), the handshake, the stream. Bytes that leave after an answer has come begin a new crossing.
 */
export async function countRoundTrips(address: string): Promise<number> {
  const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
  let roundTrips = 1
  let answered = true
  const sockets: Socket[] = []
  const line = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    sockets.push(near, far)
    near.on('data', (bytes) => {
      if (answered) roundTrips++
      answered = false
      far.write(bytes)
    })
    far.on('data', (bytes) => {
      answered = true
      near.write(bytes)
    })
    for (const socket of [near, far]) socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => line.listen(0, '127.0.0.1', resolve))
  const counted = address.replace(`/tcp/${port}`, `/tcp/${(line.address() as AddressInfo).port}`)
  const node = await createNode({ addresses: { listen: [] } })
  const stream = await node.openStream(counted, fileProtocol)
  for await (const bytes of stream) if (bytes.length > 0) break
  const counts = roundTrips
  stream.abort(new Error('one byte was enough'))
  await node.stop()
  for (const socket of sockets) socket.destroy()
  line.close()
  return counts
}
