// A page of crowd.browser.test.ts: many nodes, each with a connection of its own that stays.
import { multiaddr } from '@multiformats/multiaddr'
import { echoes, servePage } from '@peerloom/conformance/page-peer'
import { createNode } from '@peerloom/core'
import { noise } from '@peerloom/noise'
import { webRTCDirect } from '@peerloom/webrtc'

/** Connections in the making at once. */
const atOnce = 5

const makeNode = () => createNode({ transports: [webRTCDirect()], connectionEncryption: [noise()] })
const nodes: Awaited<ReturnType<typeof makeNode>>[] = []

async function enter(address: string): Promise<void> {
  const node = await makeNode()
  nodes.push(node)
  await echoes(await node.openStream(multiaddr(address), '/echo', { timeoutMs: 30_000 }), 1000)
}

servePage(undefined, {
  /** Says how many are connected. */
  enter: async (address: string, count: number) => {
    for (let left = count; left > 0; left -= atOnce) {
      await Promise.all(Array.from({ length: Math.min(left, atOnce) }, () => enter(address)))
    }
    return nodes.filter((node) => node.connections.list().length === 1).length
  }
})
