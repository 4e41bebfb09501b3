import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import type { Stream } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { ping } from '@peerloom/ping'
import { quic } from '@peerloom/quic'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import type { BenchStream, Driver, NodeOptions } from '../driver.ts'

const plenty = 1_000_000
const limits = {
  connectionsInbound: plenty,
  connectionsOutbound: plenty,
  streamsInbound: plenty,
  streamsOutbound: plenty
}

const listenOn = { tcp: '/ip4/127.0.0.1/tcp/0', quic: '/ip4/127.0.0.1/udp/0/quic-v1' }

const wrap = (stream: Stream): BenchStream => ({
  send: (bytes) => stream.send(bytes),
  drained: () => stream.drained(),
  read: (onData, onEnd) =>
    stream.attach({
      data: (bytes) => onData(bytes.length, () => bytes),
      end: onEnd,
      closed: () => {}
    }),
  closeWrite: () => stream.closeWrite(),
  close: () => stream.close()
})

const over = (transport: 'tcp' | 'quic'): Driver => ({
  async create(options: NodeOptions) {
    const node = await createNode({
      addresses: { listen: options.listen ? [listenOn[transport]] : [] },
      transports: [transport === 'tcp' ? tcp() : quic()],
      connectionEncryption: [noise()],
      streamMuxers: [
        yamux({
          maxInboundStreams: plenty,
          ...(options.windowBytes === undefined ? {} : { maxReceiveWindowBytes: options.windowBytes })
        })
      ],
      services: { ping: ping(), ...(options.identify === true ? { identify: identify() } : {}) },
      limits: { system: limits, transient: limits, peer: limits, connection: limits },
      connectionManager: { highWater: plenty, lowWater: plenty }
    })
    return {
      address: options.listen ? String(node.multiaddrs()[0]) : '',
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
})

export const driver: Driver = over('tcp')
export const quicDriver: Driver = over('quic')
