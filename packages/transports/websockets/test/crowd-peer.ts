// The node that crowd.browser.test.ts fills up, with the limits that its user has set.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { servePeer } from '@peerloom/conformance/node-peer'
import { createNode } from '@peerloom/core'
import { noise } from '@peerloom/noise'
import { webSockets } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'

const connections = 500

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const node = await createNode({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0/ws'] },
  transports: [webSockets()],
  connectionEncryption: [noise()],
  streamMuxers: [yamux()],
  limits: { system: { connectionsInbound: connections } },
  connectionManager: { highWater: connections, lowWater: connections }
})
await node.handle('/echo', (stream) => stream.sink(stream))

servePeer(
  { address: String(node.multiaddrs()[0]) },
  {
    snapshot: () => {
      const { counts, limits } = node.inspect()
      return { counts, limits }
    },
    /** What is in use, in bytes, after a collection. */
    memory: () => {
      collect()
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    }
  },
  () => node.stop()
)
