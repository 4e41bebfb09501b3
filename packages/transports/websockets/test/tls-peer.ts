// The Node side of tls.browser.test.ts: one node whose certificate the browser of the tests takes, and one that it does not know.
import { servePeer } from '@peerloom/conformance/node-peer'
import { localhost, renewed } from './certificate.ts'
import { wsNode } from './nodes.ts'

const known = await wsNode(['/ip4/127.0.0.1/tcp/0/tls/ws', '/ip6/::1/tcp/0/tls/ws'], { tls: localhost })
const unknown = await wsNode(['/ip4/127.0.0.1/tcp/0/tls/ws'], { tls: renewed })
for (const node of [known, unknown]) await node.handle('/echo', (stream) => stream.sink(stream))

servePeer(
  { known: known.multiaddrs().map(String), unknown: unknown.multiaddrs().map(String) },
  { connections: () => known.connections.list().length },
  async () => void (await Promise.all([known.stop(), unknown.stop()]))
)
