import { testConnections } from '@peerloom/conformance'
import type { QuicOptions } from '@peerloom/quic'
import { connectedNodes } from './nodes.ts'

const quiche: QuicOptions = { engine: 'quiche' }

/** A good-bye is one datagram: under load it is lost now and then, and only the idle time tells. */
const pardon = { enginePardon: 2 }

for (const ip of ['/ip4/127.0.0.1', '/ip6/::1']) {
  testConnections(`QUIC by quinn, ${ip}`, () => connectedNodes(ip), pardon)
  testConnections(`QUIC by quiche, ${ip}`, () => connectedNodes(ip, quiche, quiche), pardon)
}
testConnections('QUIC, quiche dials quinn', () => connectedNodes('/ip4/127.0.0.1', quiche), pardon)
testConnections('QUIC, quinn dials quiche', () => connectedNodes('/ip4/127.0.0.1', {}, quiche), pardon)
