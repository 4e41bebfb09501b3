import { createNode, type Node, type NodeOptions } from '@peerloom/core'
import { mdns, type MdnsOptions } from '@peerloom/mdns'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { networkInterfaces } from 'node:os'
import { onTestFinished } from 'vitest'

/** The loopback interface: `lo`, or what the system calls it. */
export const loopback = Object.entries(networkInterfaces()).find(
  ([, infos]) => infos?.every(({ internal }) => internal) === true
)?.[0] as string

/** A node that speaks multicast DNS on loopback, under a port of its own. */
export async function lanNode(
  options: MdnsOptions & { readonly port: number },
  rest: NodeOptions = {}
): Promise<Node<object>> {
  const node = await createNode({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncryption: [noise()],
    streamMuxers: [yamux({ keepAliveMs: 0 })],
    peerDiscovery: [mdns({ interfaces: [loopback], ...options })],
    ...rest
  })
  onTestFinished(() => node.stop())
  return node
}

/** A UDP port that nobody uses at the moment. */
let nextPort = 20_000 + (process.pid % 20_000)
export const freePort = (): number => nextPort++
