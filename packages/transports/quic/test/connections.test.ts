import { testConnections } from '@peerloom/conformance'
import { connectedNodes } from './nodes.ts'

for (const ip of ['/ip4/127.0.0.1', '/ip6/::1']) testConnections(`QUIC by quinn, ${ip}`, () => connectedNodes(ip))
