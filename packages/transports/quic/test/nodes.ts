import { createNode, type Node as NodeOf, type NodeOptions } from '@peerloom/core'
import type { Connection } from '@peerloom/interface'
import { quic, type QuicOptions } from '@peerloom/quic'

type Node = NodeOf<Record<never, never>>

export function makeNode(listen: string[], options?: QuicOptions, more: Partial<NodeOptions> = {}): Promise<Node> {
  return createNode({ transports: [quic(options)], addresses: { listen }, ...more }) as Promise<Node>
}

/** Two nodes that are connected, and what ends them. */
export async function connectedNodes(
  ip = '/ip4/127.0.0.1',
  dialling?: QuicOptions,
  listening?: QuicOptions
): Promise<{ dialer: Node; listener: Node; connection: Connection; stop(): Promise<void> }> {
  const listener = await makeNode([`${ip}/udp/0/quic-v1`], listening)
  const dialer = await makeNode([], dialling)
  const connection = await dialer.dial(listener.multiaddrs())
  return { dialer, listener, connection, stop: async () => void (await Promise.all([dialer.stop(), listener.stop()])) }
}
