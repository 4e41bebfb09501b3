// Two nodes in one process. One echoes, the other calls it. Run with: node src/main.ts
import { createNode } from 'peerloom'

const listen = { addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] } }
const server = await createNode(listen)
await server.handle('/echo/1.0.0', async (stream) => {
  for await (const bytes of stream) await stream.write(bytes)
  await stream.close()
})

const client = await createNode(listen)
const [address] = server.multiaddrs()
if (address === undefined) throw new Error('the server does not listen')

const stream = await client.openStream(address, '/echo/1.0.0')
await stream.write(new TextEncoder().encode('hello, '))
await stream.write(new TextEncoder().encode('peer to peer'))
await stream.closeWrite() // we have said all; the answer may still come

let answer = ''
for await (const bytes of stream) answer += new TextDecoder().decode(bytes)
console.log(`${stream.connection.remotePeer} answered: ${answer}`)

await client.stop()
await server.stop()
