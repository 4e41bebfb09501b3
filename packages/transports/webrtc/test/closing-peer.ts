// Opens and closes streams between two nodes, both ways at once, stops them, and is to end by itself. Says how many came back.
import { createNode } from '@peerloom/core'
import type { Connection } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { webRTCDirect } from '@peerloom/webrtc'

const modules = { transports: [webRTCDirect()], connectionEncryption: [noise()] }
const listener = await createNode({ ...modules, addresses: { listen: ['/ip4/127.0.0.1/udp/0/webrtc-direct'] } })
const dialer = await createNode(modules)
for (const node of [listener, dialer]) {
  await node.handle('/echo/1', (stream) => stream.sink(stream))
  await node.handle('/hold/1', (stream) => stream.attach({ data() {}, end() {}, closed() {} }))
}
let echoes = 0

async function roundTrips(connection: Connection, count: number): Promise<void> {
  for (let left = count; left > 0; left--) {
    const stream = await connection.openStream('/echo/1')
    await stream.write(new Uint8Array(10))
    const closing = stream.closeWrite()
    for await (const bytes of stream) echoes += bytes.length / 10
    await closing
  }
}

for (let round = 0; round < 2; round++) {
  const connection = await dialer.dial(listener.multiaddrs(), { force: true })
  const back = listener.connections.list()[0] as Connection
  await Promise.all([connection, back, connection, back].map((one) => roundTrips(one, 50)))
  // And one end loses all that is open at the other.
  await Promise.all(
    Array.from({ length: 100 }, async () => (await connection.openStream('/hold/1')).write(new Uint8Array(10)))
  )
  back.abort(new Error('enough'))
  while (connection.status !== 'closed') await new Promise((resolve) => setTimeout(resolve, 1))
}
await Promise.all([dialer.stop(), listener.stop()])
console.log(echoes)
