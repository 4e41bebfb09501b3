// Another page for tls.browser.test.ts: the one that the tests run in takes any certificate.
import { servePage } from '@peerloom/conformance/page-peer'
import { wsNode } from './nodes.ts'

const node = await wsNode()

servePage(undefined, {
  dial: async (address: string) => (await node.dial(address)).security
})
