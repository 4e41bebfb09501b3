import { testConnections } from '@peerloom/conformance'
import type { QuicOptions } from '@peerloom/quic'
import { connectedNodes } from './nodes.ts'

const quiche: QuicOptions = { engine: 'quiche' }

for (const ip of ['/ip4/127.0.0.1', '/ip6/::1']) {
  testConnections(`QUIC by quinn, ${ip}`, () => connectedNodes(ip))
  testConnections(`QUIC by quiche, ${ip}`, () => connectedNodes(ip, quiche, quiche))
}
testConnections('QUIC, quiche dials quinn', () => connectedNodes('/ip4/127.0.0.1', quiche))
testConnections('QUIC, quinn dials quiche', () => connectedNodes('/ip4/127.0.0.1', {}, quiche))
