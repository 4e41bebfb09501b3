import { createNode, type Node, type NodeOptions } from '@peerloom/core'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { onTestFinished } from 'vitest'

type Options = NodeOptions<Record<never, never>>
export type TestNode = Node<object>

const stack = { connectionEncryption: [noise()], streamMuxers: [yamux()] }
function stopAfterTest(node: TestNode): TestNode {
  onTestFinished(async () => {
    await node.stop().catch(() => {})
  })
  return node
}

export function memoryNetwork(): MemoryNetwork {
  return new MemoryNetwork()
}

/** A node on an in-process network; it is stopped when the test is over. */
export async function memoryNode(network: MemoryNetwork, options: Options = {}): Promise<TestNode> {
  return stopAfterTest(
    await createNode({
      ...stack,
      addresses: { listen: ['/memory/0'] },
      transports: [memory({ network })],
      ...options
    })
  )
}

/** A node on the loopback interface; it is stopped when the test is over. */
export async function tcpNode(options: Options = {}): Promise<TestNode> {
  return stopAfterTest(
    await createNode({
      ...stack,
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      ...options
    })
  )
}
