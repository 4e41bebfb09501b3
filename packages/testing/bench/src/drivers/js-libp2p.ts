import { identify } from '@libp2p/identify'
import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { type BenchStream, type Driver, isRelayed, type NodeOptions, type Stack } from '../driver.ts'

const plenty = 1_000_000

const listenOn = {
  tcp: '/ip4/127.0.0.1/tcp/0',
  ws: '/ip4/127.0.0.1/tcp/0/ws',
  tls: '/ip4/127.0.0.1/tcp/0',
  quic: '/ip4/127.0.0.1/udp/0/quic-v1',
  webrtc: '/ip4/127.0.0.1/udp/0/webrtc-direct',
  relay: '/ip4/127.0.0.1/tcp/0',
  'relay-tls': '/ip4/127.0.0.1/tcp/0'
} as const

const wrap = (stream: Stream): BenchStream => ({
  send: (bytes) => stream.send(bytes),
  drained: () => stream.onDrain(),
  read: (onData, onEnd) => {
    stream.addEventListener('message', (event: StreamMessageEvent) => {
      const { data } = event
      onData(data.byteLength, () => (data instanceof Uint8Array ? data : data.subarray()))
    })
    stream.addEventListener('remoteCloseWrite', () => onEnd())
  },
  closeWrite: () => stream.close(),
  close: () => stream.close()
})

/** What a stack has beyond TCP and Noise is loaded for its rows only: the others are measured without its weight. */
const transportsOf = async (stack: Stack) => {
  if (stack === 'ws') return [(await import('@libp2p/websockets')).webSockets()]
  if (stack === 'quic') return [(await import('@chainsafe/libp2p-quic')).quic()]
  if (stack === 'webrtc') return [(await import('@libp2p/webrtc')).webRTCDirect()]
  return isRelayed(stack) ? [tcp(), (await import('@libp2p/circuit-relay-v2')).circuitRelayTransport()] : [tcp()]
}

const securityOf = async (stack: Stack) => {
  if (stack !== 'tls' && stack !== 'relay-tls') return [noise()]
  const { tls } = await import('@libp2p/tls')
  return stack === 'tls' ? [tls()] : [tls(), noise()]
}

export const driver: Driver = {
  async create({ role, stack, identify: identifies, relayAddress }: NodeOptions) {
    const listen = isRelayed(stack) && role === 'listen' ? `${relayAddress}/p2p-circuit` : listenOn[stack]
    const node = await createLibp2p({
      addresses: { listen: role === 'dial' ? [] : [listen] },
      transports: await transportsOf(stack),
      connectionEncrypters: await securityOf(stack),
      streamMuxers: [yamux({ streamOptions: {}, maxInboundStreams: plenty, maxOutboundStreams: plenty })],
      services: {
        ping: ping(),
        // A relay and who is reached through one need identify, as the packages say.
        ...(identifies === true || isRelayed(stack) ? { identify: identify() } : {}),
        ...(role === 'relay'
          ? {
              relay: (await import('@libp2p/circuit-relay-v2')).circuitRelayServer({
                reservations: { applyDefaultLimit: false }
              })
            }
          : {})
      },
      connectionManager: {
        maxConnections: plenty,
        inboundConnectionThreshold: plenty,
        maxIncomingPendingConnections: plenty
      },
      connectionMonitor: { enabled: false }
    })
    return {
      address: String(node.getMultiaddrs()[0] ?? ''),
      handle: (protocol, handler) =>
        node.handle(protocol, (stream) => handler(wrap(stream)), {
          maxInboundStreams: plenty,
          maxOutboundStreams: plenty
        }),
      async connect(address) {
        const connection = await node.dial(multiaddr(address), { force: true })
        return {
          open: async (protocol) => wrap(await connection.newStream(protocol, { maxOutboundStreams: plenty })),
          ping: () => node.services.ping.ping(connection.remotePeer),
          close: () => connection.close()
        }
      },
      stop: async () => node.stop()
    }
  }
}
