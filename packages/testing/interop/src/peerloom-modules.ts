import { circuitRelay, circuitRelayServer } from '@peerloom/circuit-relay'
import type { NodeOptions } from '@peerloom/core'
import { mplex } from '@peerloom/mplex'
import { noise } from '@peerloom/noise'
import { preSharedKey } from '@peerloom/pnet'
import { quic } from '@peerloom/quic'
import { tcp } from '@peerloom/tcp'
import { tls } from '@peerloom/tls'
import { webRTC, webRTCDirect } from '@peerloom/webrtc'
import { webSockets } from '@peerloom/websockets'
import { webTransport } from '@peerloom/webtransport'
import { yamux } from '@peerloom/yamux'
import type { ForeignPeerOptions } from './foreign-peer.ts'
import type { StackName } from './stacks.ts'
import { networkKey, wssCertificate } from './test-secrets.ts'

type Modules = Omit<NodeOptions, 'addresses' | 'privateKey'>

const usual = (...transports: NonNullable<Modules['transports']>): Modules => ({
  transports,
  connectionEncryption: [noise()],
  streamMuxers: [yamux()]
})

/** Our packages for every column. */
export const peerloomModules: Record<StackName, (options: ForeignPeerOptions) => Modules> = {
  tcp: () => usual(tcp()),
  ws: () => usual(webSockets()),
  wss: () => {
    const { certificate, key } = wssCertificate()
    return usual(webSockets({ tls: { cert: certificate, key }, clientTls: { ca: certificate } }))
  },
  tls: () => ({ ...usual(tcp()), connectionEncryption: [tls()] }),
  mplex: () => ({ ...usual(tcp()), streamMuxers: [mplex()] }),
  pnet: ({ networkKey: psk = networkKey }) => ({ ...usual(tcp()), connectionProtector: preSharedKey({ psk }) }),
  relay: ({ relay }) => ({
    ...usual(tcp(), circuitRelay()),
    ...(relay === true ? { services: { relay: circuitRelayServer({ limits: false }) } } : {})
  }),
  'webrtc-direct v1': () => usual(webRTCDirect({ versions: [1] })),
  'webrtc-direct v2': () => usual(webRTCDirect({ versions: [2] })),
  webrtc: () => usual(tcp(), circuitRelay(), webRTC({ iceServers: [] })),
  'quic-v1': () => usual(quic({ engine: 'quinn' })),
  'quic-v1 quiche': () => usual(quic({ engine: 'quiche' })),
  webtransport: () => usual(webTransport())
}
