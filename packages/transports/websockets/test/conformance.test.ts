import { testTransport } from '@peerloom/conformance'
import { type NodeContext, systemClock, systemRandom } from '@peerloom/interface'
import { webSockets } from '@peerloom/websockets'
import { authority, localhost } from './certificate.ts'

const context = { clock: systemClock, random: systemRandom } as NodeContext
const foreignAddresses = [
  '/ip4/127.0.0.1/udp/1/quic-v1',
  '/ip4/127.0.0.1/udp/1/quic-v1/webtransport',
  '/ip4/127.0.0.1/tcp/1',
  '/ip4/127.0.0.1/tcp/1/tls',
  '/ip4/127.0.0.1/tcp/1/tls/http',
  '/ip4/127.0.0.1/tcp/1/wss/ws',
  '/dnsaddr/localhost/ws',
  '/memory/1'
]

for (const ip of ['ip4/127.0.0.1', 'ip6/::1']) {
  for (const suffix of ['ws', 'tls/ws', 'ws/http-path/a%2Fb']) {
    testTransport(`WebSocket over ${ip}, ${suffix}`, {
      create: () => webSockets({ tls: localhost, clientTls: { ca: authority } })(context),
      listenAddress: () => `/${ip}/tcp/0/${suffix}`,
      deadAddress: () => `/${ip}/tcp/1/${suffix}`,
      foreignAddresses
    })
  }
}
