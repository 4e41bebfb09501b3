// The Node side of websockets.browser.test.ts.
import { serveNode } from '@peerloom/conformance/served-node'
import { wsNode } from './nodes.ts'

await serveNode(
  await wsNode(['/ip4/127.0.0.1/tcp/0/ws', '/ip6/::1/tcp/0/ws', '/ip4/127.0.0.1/tcp/0/ws/http-path/a%2Fb'])
)
