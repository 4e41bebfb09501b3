import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import type { Stream } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { ping } from '@peerloom/ping'
import { tcp } from '@peerloom/tcp'
import { webSockets } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'
import type { BenchStream, Driver, NodeOptions } from '../driver.ts'

const plenty = 1_000_000
const limits = {
  connectionsInbound: plenty,
  connectionsOutbound: plenty,
  streamsInbound: plenty,
  streamsOutbound: plenty
}

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

export const driver: Driver = {
  async create(options: NodeOptions) {
    const node = await createNode({
      addresses: { listen: options.listen ? [`/ip4/127.0.0.1/tcp/0${options.webSocket === true ? '/ws' : ''}`] : [] },
      transports: [options.webSocket === true ? webSockets() : tcp()],
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
}
