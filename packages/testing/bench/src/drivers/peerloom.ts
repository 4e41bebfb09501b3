import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import type { Module, SecureTransport, Stream, Transport } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { ping } from '@peerloom/ping'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { type BenchStream, type Driver, isRelayed, type NodeOptions, type Stack } from '../driver.ts'

const plenty = 1_000_000
const limits = {
  connectionsInbound: plenty,
  connectionsOutbound: plenty,
  streamsInbound: plenty,
  streamsOutbound: plenty
}

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
  drained: () => stream.drained(),
  read(onData, onEnd) {
    let unkeptBytes = 0
    stream.attach({
      data(bytes) {
        unkeptBytes = bytes.length
        onData(bytes.length, () => {
          unkeptBytes = 0
          return bytes
        })
      },
      get unkeptBytes() {
        return unkeptBytes
      },
      end: onEnd,
      closed: () => {}
    })
  },
  closeWrite: () => stream.closeWrite(),
  close: () => stream.close()
})

/** What a stack has beyond TCP and Noise is loaded for its rows only: the others are measured without its weight. */
const transportsOf = async (stack: Stack): Promise<Module<Transport>[]> => {
  if (stack === 'ws') return [(await import('@peerloom/websockets')).webSockets()]
  if (stack === 'quic') return [(await import('@peerloom/quic')).quic()]
  if (stack === 'webrtc') return [(await import('@peerloom/webrtc')).webRTCDirect()]
  return isRelayed(stack) ? [tcp(), (await import('@peerloom/circuit-relay')).circuitRelay()] : [tcp()]
}

const securityOf = async (stack: Stack): Promise<Module<SecureTransport>[]> => {
  if (stack !== 'tls' && stack !== 'relay-tls') return [noise()]
  const { tls } = await import('@peerloom/tls')
  return stack === 'tls' ? [tls()] : [tls(), noise()]
}

export const driver: Driver = {
  async create({ role, stack, identify: identifies, relayAddress, windowBytes }: NodeOptions) {
    const listens = role !== 'dial'
    const listen = isRelayed(stack) && role === 'listen' ? `${relayAddress}/p2p-circuit` : listenOn[stack]
    const node = await createNode({
      addresses: { listen: listens ? [listen] : [] },
      transports: await transportsOf(stack),
      connectionEncryption: await securityOf(stack),
      streamMuxers: [
        yamux({
          maxInboundStreams: plenty,
          ...(windowBytes === undefined ? {} : { maxReceiveWindowBytes: windowBytes })
        })
      ],
      services: {
        ping: ping(),
        ...(identifies === true ? { identify: identify() } : {}),
        ...(role === 'relay'
          ? { relay: (await import('@peerloom/circuit-relay')).circuitRelayServer({ limits: false }) }
          : {})
      },
      limits: { system: limits, transient: limits, peer: limits, connection: limits },
      connectionManager: { highWater: plenty, lowWater: plenty }
    })
    while (listens && node.multiaddrs().length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    return {
      address: listens ? String(node.multiaddrs()[0]) : '',
      handle: (protocol, handler) =>
        node.handle(protocol, (stream) => handler(wrap(stream)), { maxInboundStreams: plenty }),
      async connect(address) {
        const connection = await node.dial(address, { force: true })
        return {
          open: async (protocol) => wrap(await connection.openStream(protocol)),
          ping: () => node.services.ping.ping(connection),
          close: () => connection.close()
        }
      },
      stop: () => node.stop()
    }
  }
}
