/** What two peers speak with each other: a column of the matrix. */
export interface Stack {
  readonly transport: 'tcp' | 'ws' | 'wss' | 'quic-v1' | 'webtransport' | 'webrtc-direct' | 'webrtc'
  /** For transports that bring none of their own. */
  readonly security: 'noise' | 'tls'
  readonly muxer: 'yamux' | 'mplex'
  /** Behind the key of a private network. */
  readonly privateNetwork: boolean
  /** Handshake of webrtc-direct that the dialling side takes; listeners know both. */
  readonly webRTCVersion: 1 | 2
  /** Through a relay, which is a third peer. */
  readonly relayed: boolean
  /** What the address of a connection has to contain. */
  readonly address: RegExp
}

export type StackName =
  | 'tcp'
  | 'ws'
  | 'wss'
  | 'tls'
  | 'mplex'
  | 'pnet'
  | 'relay'
  | 'webrtc-direct v1'
  | 'webrtc-direct v2'
  | 'webrtc'
  | 'quic-v1'
  | 'quic-v1 quiche'
  | 'webtransport'

const plain = { security: 'noise', muxer: 'yamux', privateNetwork: false, webRTCVersion: 1, relayed: false } as const
const tcp = { ...plain, transport: 'tcp', address: /^\/ip4\/127\.0\.0\.1\/tcp\/\d+/ } as const
const webRTCDirect = { ...plain, transport: 'webrtc-direct', address: /\/udp\/\d+(\/webrtc-direct)?/ } as const
const quic = { ...plain, transport: 'quic-v1', address: /\/udp\/\d+\/quic-v1/ } as const

export const stacks: Readonly<Record<StackName, Stack>> = {
  tcp,
  ws: { ...plain, transport: 'ws', address: /\/tcp\/\d+\/ws/ },
  wss: { ...plain, transport: 'wss', address: /\/tcp\/\d+\/(tls\/ws|wss)/ },
  tls: { ...tcp, security: 'tls' },
  mplex: { ...tcp, muxer: 'mplex' },
  pnet: { ...tcp, privateNetwork: true },
  relay: { ...tcp, relayed: true, address: /\/p2p-circuit/ },
  'webrtc-direct v1': webRTCDirect,
  'webrtc-direct v2': { ...webRTCDirect, webRTCVersion: 2 },
  webrtc: { ...plain, transport: 'webrtc', relayed: true, address: /\/webrtc/ },
  'quic-v1': quic,
  // The same for others, on our second engine.
  'quic-v1 quiche': quic,
  webtransport: { ...plain, transport: 'webtransport', address: /\/quic-v1\/webtransport/ }
}

/** Whether security and muxer are negotiated, not part of the transport. */
export function isNegotiated(stack: Stack): boolean {
  return ['tcp', 'ws', 'wss'].includes(stack.transport)
}

/** Ranks addresses: direct ones, those at a relay, those that a relay only introduces. */
export function indirection(address: string): number {
  return Number(address.includes('/p2p-circuit')) + Number(address.includes('/p2p-circuit/webrtc'))
}

/** Where a peer listens unless told otherwise. */
export function defaultListen(stack: Stack): string {
  switch (stack.transport) {
    case 'tcp':
      return '/ip4/127.0.0.1/tcp/0'
    case 'ws':
      return '/ip4/127.0.0.1/tcp/0/ws'
    case 'wss':
      return '/ip4/127.0.0.1/tcp/0/tls/ws'
    case 'quic-v1':
      return '/ip4/127.0.0.1/udp/0/quic-v1'
    case 'webtransport':
      return '/ip4/127.0.0.1/udp/0/quic-v1/webtransport'
    case 'webrtc-direct':
      return '/ip4/127.0.0.1/udp/0/webrtc-direct'
    case 'webrtc':
      return '/webrtc'
  }
}
