import { createNode, type Node } from '@peerloom/core'
import type { Module, Transport } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { webSockets, type WebSocketOptions } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'

/** A node with WebSockets, Noise and yamux. */
export function wsNode(
  listen: readonly string[] = [],
  options?: WebSocketOptions,
  more: readonly Module<Transport>[] = []
): Promise<Node<Record<never, never>>> {
  return createNode({
    addresses: { listen: [...listen] },
    transports: [...more, webSockets(options)],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()]
  })
}
