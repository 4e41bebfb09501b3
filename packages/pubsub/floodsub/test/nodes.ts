import { createNode } from '@peerloom/core'
import { floodsub, type FloodsubOptions } from '@peerloom/floodsub'
import { identify } from '@peerloom/identify'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { yamux } from '@peerloom/yamux'
import { onTestFinished } from 'vitest'

const network = new MemoryNetwork()

/** A node with FloodSub in memory; it is stopped when the test is over. */
export async function floodNode(options: FloodsubOptions = {}) {
  const node = await createNode({
    addresses: { listen: ['/memory/0'] },
    transports: [memory({ network })],
    connectionEncryption: [noise()],
    streamMuxers: [yamux({ keepAliveMs: 0 })],
    services: { identify: identify(), pubsub: floodsub(options) }
  })
  onTestFinished(() => node.stop())
  return node
}
export type FloodNode = Awaited<ReturnType<typeof floodNode>>

export const connect = async (one: FloodNode, other: FloodNode): Promise<void> => {
  await one.dial(other.multiaddrs())
}
