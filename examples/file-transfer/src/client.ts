// Fetches the file of a server. Run with: node src/client.ts <address>
import { createHash } from 'node:crypto'
import { createNode } from 'peerloom'
import { countRoundTrips } from './round-trips.ts'
import { chatProtocol, fileProtocol, hear, readHeader, say } from './protocol.ts'

const [, , address] = process.argv
if (address === undefined) throw new Error('usage: node src/client.ts <address>')

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)
const node = await createNode({ addresses: { listen: [] } })

const dialled = performance.now()
const connection = await node.dial(address)
const connectMs = performance.now() - dialled
const known = await node.services.identify.identify(connection)
console.log(`  client reached ${connection.remotePeer}
  agent ${known.agentVersion}, ${connection.security} over ${connection.transport}, ${connection.muxer}
  connected in ${connectMs.toFixed(1)} ms; round trips from dial to first byte: ${await countRoundTrips(address)}`)

const cpuBefore = process.cpuUsage()
const started = performance.now()
const stream = await connection.openStream(fileProtocol)
const header = await readHeader(stream)
const hash = createHash('sha256')
let received = 0
let shown = -1
for await (const bytes of stream) {
  hash.update(bytes)
  received += bytes.length
  const percent = Math.floor((received / header.size) * 100)
  // A terminal gets a bar that moves, a log gets a line every quarter.
  if (process.stdout.isTTY ? percent !== shown : Math.floor(percent / 25) !== Math.floor(shown / 25)) {
    const bar = '#'.repeat(percent / 4).padEnd(25, '.')
    const line = `  [${bar}] ${String(percent).padStart(3)} %  ${mebibytes(received)} of ${mebibytes(header.size)} MiB`
    process.stdout.write(process.stdout.isTTY ? `\r${line}` : `${line}\n`)
    shown = percent
  }
}
if (process.stdout.isTTY) process.stdout.write('\n')
const seconds = (performance.now() - started) / 1000
const { user, system } = process.cpuUsage(cpuBefore)
await stream.close()

const digest = hash.digest('hex')
if (received !== header.size || digest !== header.sha256) throw new Error(`${header.name} arrived damaged: ${digest}`)
const rate = (received / 1e6 / seconds).toFixed(0)
console.log(`  ${header.name} verified, sha256 ${digest}
  ${rate} MB/s, ${((user + system) / 1e6).toFixed(2)} s of CPU for ${mebibytes(received)} MiB, hashing included`)

const chat = await connection.openStream(chatProtocol)
await say(chat, 'thank you for the file')
console.log(`  client hears: ${await hear(chat)}`)
await chat.close()
await node.stop()
