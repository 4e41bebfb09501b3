// Another page for private.browser.test.ts, with a node that listens at a relay.
import { servePage } from '@peerloom/conformance/page-peer'
import { pageNode, privateAddress } from './page-node.ts'

let node: Awaited<ReturnType<typeof pageNode>> | undefined

servePage(undefined, {
  listen: async (relay: string) => {
    node = await pageNode(relay)
    return privateAddress(node)
  },
  transports: () => node?.connections.list().map(({ transport }) => transport)
})
