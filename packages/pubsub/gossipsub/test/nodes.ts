import { createNode, type NodeOptions } from '@peerloom/core'
import { gossipsub, type GossipsubOptions, type GossipsubSnapshot } from '@peerloom/gossipsub'
import { identify } from '@peerloom/identify'
import type { Stream } from '@peerloom/interface'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { onTestFinished } from 'vitest'

const network = new MemoryNetwork()

export const carriers = {
  memory: { addresses: { listen: ['/memory/0'] }, transports: [memory({ network })] },
  tcp: { addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] }, transports: [tcp()] }
}
export type Carrier = keyof typeof carriers

const stack = () => ({ connectionEncryption: [noise()], streamMuxers: [yamux({ keepAliveMs: 0 })] })

/** A node with GossipSub; it is stopped when the test is over. */
export async function gossipNode(
  options: GossipsubOptions = {},
  carrier: Carrier = 'memory',
  more: Omit<NodeOptions, 'services'> = {}
) {
  const node = await createNode({
    ...stack(),
    ...carriers[carrier],
    ...more,
    services: { identify: identify(), pubsub: gossipsub(options) }
  })
  onTestFinished(() => node.stop())
  return node
}
export type GossipNode = Awaited<ReturnType<typeof gossipNode>>

/** A node that speaks the protocol its own way. */
export async function bareNode(onStream: (stream: Stream) => void = () => {}) {
  const node = await createNode({ ...stack(), ...carriers.memory, services: { identify: identify() } })
  onTestFinished(() => node.stop())
  await node.handle('/meshsub/1.1.0', (stream) => onStream(stream))
  return node
}

/** Members of the node's mesh of a topic. */
export function meshSize(node: GossipNode, topic: string): number {
  const { router } = node.inspect().services['pubsub'] as { router: GossipsubSnapshot }
  return router.topics.find((one) => one.topic === topic)?.mesh.length ?? 0
}

export const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
export const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
