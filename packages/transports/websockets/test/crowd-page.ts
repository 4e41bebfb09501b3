// A page of crowd.browser.test.ts: many nodes, each with a connection of its own that stays.
import { multiaddr } from '@multiformats/multiaddr'
import { echoes, servePage } from '@peerloom/conformance/page-peer'
import { DialError } from '@peerloom/core'
import { wsNode } from './nodes.ts'

/** Handshakes under way at once: the other end bounds those of all pages together. */
const atOnce = 20

const nodes: Awaited<ReturnType<typeof wsNode>>[] = []

async function enter(address: string): Promise<void> {
  const node = await wsNode()
  nodes.push(node)
  await echoes(await node.openStream(multiaddr(address), '/echo', { timeoutMs: 30_000 }), 1000)
}

const connected = (): number => nodes.filter((node) => node.connections.list().length === 1).length

servePage(undefined, {
  /** Says how many are connected. */
  enter: async (address: string, count: number) => {
    for (let left = count; left > 0; left -= atOnce) {
      await Promise.all(Array.from({ length: Math.min(left, atOnce) }, () => enter(address)))
    }
    return connected()
  },
  /** Says how a dial more fails, at each address. */
  failure: (address: string) =>
    enter(address).then(
      () => [],
      (error: unknown) => (error instanceof DialError ? error.attempts.map(({ code }) => code) : String(error))
    ),
  connected
})
