// Serves one file. Run with: node src/server.ts <file>
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { createNode } from 'peerloom'
import { chatProtocol, fileProtocol, hear, say, writeHeader } from './protocol.ts'

const [, , file] = process.argv
if (file === undefined) throw new Error('usage: node src/server.ts <file>')

const { size } = await stat(file)
const hash = createHash('sha256')
for await (const bytes of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(bytes as Buffer)
const header = { name: basename(file), size, sha256: hash.digest('hex') }

const node = await createNode({ addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] } })

await node.handle(fileProtocol, async (stream) => {
  await writeHeader(stream, header)
  // Each write waits while the other side is behind: a slow reader costs no memory here.
  for await (const bytes of createReadStream(file, { highWaterMark: 256 * 1024 })) await stream.write(bytes as Buffer)
  await stream.close()
})

await node.handle(chatProtocol, async (stream) => {
  console.log(`  server hears: ${await hear(stream)}`)
  await say(stream, 'you are welcome, come again')
  await stream.close()
})

// The one who started this process reads the address from here.
process.send?.({ address: String(node.multiaddrs()[0]) })
console.log(`  server ${node.peerId}\n  serves ${header.name}, ${size} bytes, at ${node.multiaddrs()[0]}`)
process.once('disconnect', () => void node.stop())
