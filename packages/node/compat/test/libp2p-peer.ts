import type { Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { deferred, type Link, type Peer, protocols, type TestStream } from './peer.ts'

type One<T extends keyof Libp2pOptions> = NonNullable<Libp2pOptions[T]> extends (infer E)[] ? E : never

export interface Libp2pModules {
  readonly transport?: One<'transports'>
  readonly security?: One<'connectionEncrypters'>
  readonly muxer?: One<'streamMuxers'>
}

export async function startLibp2p(modules: Libp2pModules = {}): Promise<Peer> {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [modules.transport ?? tcp()],
    connectionEncrypters: [modules.security ?? noise()],
    streamMuxers: [modules.muxer ?? yamux()],
    connectionManager: { inboundConnectionThreshold: 1000 },
    // Nothing here should dial, ping or close on its own.
    connectionMonitor: { enabled: false }
  })
  const released = deferred<void>()
  const watched = deferred<Error>()
  await node.handle(protocols.echo, (stream) => {
    stream.addEventListener('message', ({ data }) => {
      if (!stream.send(data)) stream.pause()
    })
    stream.addEventListener('drain', () => {
      if (stream.readStatus === 'paused') stream.resume()
    })
    stream.addEventListener('end', () => void stream.close().catch(() => {}))
  })
  const count = (stream: Stream): void => {
    let received = 0
    stream.addEventListener('message', ({ data }) => (received += data.byteLength))
    // 'remoteCloseWrite' comes before what a paused stream still holds.
    stream.addEventListener('end', () => {
      if (stream.status !== 'open') return
      stream.send(new TextEncoder().encode(String(received)))
      void stream.close()
    })
  }
  await node.handle(protocols.count, count)
  await node.handle(protocols.hold, async (stream) => {
    stream.pause()
    count(stream)
    await released.promise
    stream.resume()
  })
  await node.handle(protocols.reset, (stream) => {
    stream.addEventListener('message', () => stream.abort(new Error('as the test asks')))
  })
  await node.handle(protocols.watch, (stream) => {
    stream.addEventListener('close', ({ error }) => watched.resolve(error ?? new Error('a good end')))
  })
  return {
    address: `${node.getMultiaddrs()[0]}`,
    release: () => released.resolve(),
    watched: watched.promise,
    stop: async () => node.stop(),
    async dial(address): Promise<Link> {
      const connection = await node.dial(multiaddr(address))
      return {
        security: connection.encryption ?? '',
        muxer: connection.multiplexer ?? '',
        open: async (protocol) => wrap(await connection.newStream(protocol)),
        close: () => connection.close()
      }
    }
  }
}

const wrap = (stream: Stream): TestStream => ({
  send: (bytes) => stream.send(bytes),
  drained: () => stream.onDrain(),
  closeWrite: () => stream.close(),
  abort: (error) => stream.abort(error),
  readAll: () =>
    new Promise((resolve, reject) => {
      const chunks: Uint8Array[] = []
      stream.addEventListener('message', ({ data }) => chunks.push(data.subarray()))
      stream.addEventListener('end', () => stream.status === 'open' && resolve(Buffer.concat(chunks)))
      stream.addEventListener('close', ({ error }) => (error === undefined ? resolve(Buffer.concat(chunks)) : reject(error)))
    })
})
