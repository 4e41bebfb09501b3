// js-libp2p serving WebRTC Direct in a process of its own: its connections take the first port that the process serves,
// whichever that is. Says its address, then answers lines as `victim.ts` does. The IP is the argument.
import { createInterface } from 'node:readline'
import { noise } from '@libp2p/noise'
import { webRTCDirect } from '@libp2p/webrtc'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'

const node = await createLibp2p({
  addresses: { listen: [`${process.argv[2]}/udp/0/webrtc-direct`] },
  transports: [webRTCDirect({ rtcConfiguration: { iceServers: [] } })],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  connectionMonitor: { enabled: false }
})
await node.handle('/echo/1', async (stream) => {
  for await (const bytes of stream) if (!stream.send(bytes)) await stream.onDrain()
  await stream.close()
})
await node.handle('/reset/1', (stream) => stream.abort(new Error('no')))
console.log(String(node.getMultiaddrs()[0]))
const lines = createInterface({ input: process.stdin })
lines.on('line', () => {
  console.log(JSON.stringify({ connections: node.getConnections().length, rss: process.memoryUsage().rss }))
})
// What it leaves of the engine would keep the process alive.
lines.on('close', () => process.exit(0))
