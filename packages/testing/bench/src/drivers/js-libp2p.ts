import { quic } from '@chainsafe/libp2p-quic'
import { identify } from '@libp2p/identify'
import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { BenchStream, Driver, NodeOptions } from '../driver.ts'

const plenty = 1_000_000

const listenOn = { tcp: '/ip4/127.0.0.1/tcp/0', quic: '/ip4/127.0.0.1/udp/0/quic-v1' }

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

const over = (transport: 'tcp' | 'quic'): Driver => ({
  async create(options: NodeOptions) {
    const node = await createLibp2p({
      addresses: { listen: options.listen ? [listenOn[transport]] : [] },
      transports: [transport === 'tcp' ? tcp() : quic()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux({ streamOptions: {}, maxInboundStreams: plenty, maxOutboundStreams: plenty })],
      services: { ping: ping(), ...(options.identify === true ? { identify: identify() } : {}) },
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
})

export const driver: Driver = over('tcp')
export const quicDriver: Driver = over('quic')
