import { createNode } from '@peerloom/core'
import type { Clock, Stream } from '@peerloom/interface'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { ping, type PingOptions } from '@peerloom/ping'
import { yamux } from '@peerloom/yamux'
import { onTestFinished } from 'vitest'

const network = new MemoryNetwork()

async function start(options: PingOptions, clock?: Clock) {
  const node = await createNode({
    addresses: { listen: ['/memory/0'] },
    transports: [memory({ network })],
    connectionEncryption: [noise()],
    streamMuxers: [yamux({ keepAliveMs: 0 })],
    services: { ping: ping(options) },
    ...(clock === undefined ? {} : { clock })
  })
  onTestFinished(() => node.stop())
  return node
}
export type PingNode = Awaited<ReturnType<typeof start>>

/** Two nodes, the near one on the given clock. */
export async function pingPair(options: PingOptions = {}, clock?: Clock): Promise<{ near: PingNode; far: PingNode }> {
  const far = await start(options)
  const near = await start(options, clock)
  near.peers.addAddresses(far.peerId, far.multiaddrs())
  return { near, far }
}

/** Puts another answer in the place of the far node's. */
export async function answerWith(far: PingNode, handler: (stream: Stream) => void | Promise<void>): Promise<void> {
  await far.unhandle('/ipfs/ping/1.0.0')
  await far.handle('/ipfs/ping/1.0.0', handler)
}
