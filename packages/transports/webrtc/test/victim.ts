// A node that serves WebRTC Direct in a process of its own, so that attacks may try to end it. Says its address, then
// answers every line on its standard input with what it knows of itself.
import { createInterface } from 'node:readline'
import { createNode } from '@peerloom/core'
import { noise } from '@peerloom/noise'
import { webRTCDirect } from '@peerloom/webrtc'

const node = await createNode({
  transports: [webRTCDirect({ connectTimeoutMs: 3000 })],
  connectionEncryption: [noise()],
  addresses: { listen: ['/ip4/127.0.0.1/udp/0/webrtc-direct'] }
})
await node.handle('/echo/1', async (stream) => {
  for await (const bytes of stream) await stream.write(bytes)
  await stream.close()
})
console.log(String(node.multiaddrs()[0]))
const lines = createInterface({ input: process.stdin })
lines.on('line', () => {
  const { rss } = process.memoryUsage()
  console.log(JSON.stringify({ connections: node.connections.list().length, rss }))
})
lines.on('close', () => void node.stop())
