import { createNode } from '@peerloom/core'
import type { Module, SecureTransport, Stream, StreamMuxerFactory, Transport } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { deferred, type Link, type Peer, protocols, readFirst, type TestStream } from './peer.ts'

export interface PeerloomModules {
  readonly transport?: Module<Transport>
  readonly security?: Module<SecureTransport>
  readonly muxer?: Module<StreamMuxerFactory>
}

export async function startPeerloom(modules: PeerloomModules = {}): Promise<Peer> {
  const node = await createNode({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [modules.transport ?? tcp()],
    connectionEncryption: [modules.security ?? noise()],
    streamMuxers: [modules.muxer ?? yamux()]
  })
  const released = deferred<void>()
  const seen = deferred<void>()
  const watched = deferred<Error>()
  await node.handle(protocols.echo, async (stream) => {
    for await (const bytes of stream) await stream.write(bytes)
    await stream.closeWrite()
  })
  const count = async (stream: Stream, holdAt = Number.POSITIVE_INFINITY): Promise<void> => {
    let received = 0
    for await (const bytes of stream) {
      received += bytes.length
      if (received >= holdAt) await released.promise
    }
    await stream.write(new TextEncoder().encode(String(received)))
    await stream.closeWrite()
  }
  await node.handle(protocols.count, (stream) => count(stream))
  await node.handle(protocols.holdLater, (stream) => count(stream, readFirst))
  await node.handle(protocols.hold, async (stream) => {
    await released.promise
    await count(stream)
  })
  await node.handle(protocols.reset, (stream) => {
    stream.attach({
      data: () => stream.abort(new Error('as the test asks')),
      end: () => {},
      closed: () => {}
    })
  })
  await node.handle(protocols.watch, (stream) => {
    stream.attach({
      data: () => seen.resolve(),
      end: () => {},
      closed: (error) => watched.resolve(error ?? new Error('a good end'))
    })
  })
  await node.start()
  return {
    address: `${node.multiaddrs()[0]}`,
    release: () => released.resolve(),
    seen: seen.promise,
    watched: watched.promise,
    stop: () => node.stop(),
    async dial(address): Promise<Link> {
      const connection = await node.dial(address)
      return {
        security: connection.security,
        muxer: connection.muxer,
        open: async (protocol) => wrap(await connection.openStream(protocol)),
        close: () => connection.close()
      }
    }
  }
}

const wrap = (stream: Stream): TestStream => ({
  send: (bytes) => stream.send(bytes),
  drained: () => stream.drained(),
  closeWrite: () => stream.closeWrite(),
  abort: (error) => stream.abort(error),
  async readAll() {
    const chunks: Uint8Array[] = []
    for await (const bytes of stream) chunks.push(bytes)
    return Buffer.concat(chunks)
  }
})
