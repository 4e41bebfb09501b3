import type { Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { deferred, type Link, type Peer, protocols, readFirst, type TestStream } from './peer.ts'

type One<T extends keyof Libp2pOptions> = NonNullable<Libp2pOptions[T]> extends (infer E)[] ? E : never

export interface Libp2pModules {
  readonly transport?: One<'transports'>
  readonly security?: One<'connectionEncrypters'>
  readonly muxer?: One<'streamMuxers'>
}

/** Its yamux lets windows grow to 16 MiB, and resets a paused stream at 4 MiB unless told otherwise. */
const streamOptions = { maxReadBufferLength: 17 << 20 }

export async function startLibp2p(modules: Libp2pModules = {}): Promise<Peer> {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [modules.transport ?? tcp()],
    connectionEncrypters: [modules.security ?? noise()],
    streamMuxers: [modules.muxer ?? yamux({ streamOptions })],
    connectionManager: { inboundConnectionThreshold: 1000 },
    // Nothing here should dial, ping or close on its own.
    connectionMonitor: { enabled: false }
  })
  const released = deferred<void>()
  const seen = deferred<void>()
  const watched = deferred<Error>()
  await node.handle(protocols.echo, (stream) => {
    stream.addEventListener('message', ({ data }) => {
      if (!stream.send(data)) stream.pause()
    })
    stream.addEventListener('drain', () => {
      if (stream.readStatus === 'paused') stream.resume()
    })
    onEnd(stream, () => void stream.close().catch(() => {}))
  })
  const count = (stream: Stream, holdAt = Number.POSITIVE_INFINITY): void => {
    let received = 0
    stream.addEventListener('message', ({ data }) => {
      received += data.byteLength
      if (received < holdAt || stream.readStatus !== 'readable') return
      holdAt = Number.POSITIVE_INFINITY
      stream.pause()
      void released.promise.then(() => stream.resume())
    })
    onEnd(stream, () => {
      stream.send(new TextEncoder().encode(String(received)))
      void stream.close()
    })
  }
  await node.handle(protocols.count, (stream) => count(stream))
  await node.handle(protocols.holdLater, (stream) => count(stream, readFirst))
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
    stream.addEventListener('message', () => seen.resolve())
    stream.addEventListener('close', ({ error }) => watched.resolve(error ?? new Error('a good end')))
  })
  return {
    address: `${node.getMultiaddrs()[0]}`,
    release: () => released.resolve(),
    seen: seen.promise,
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

/**
 * Calls back when the remote has ended and everything before that was read. Events alone do not tell: 'remoteCloseWrite'
 * comes before what a paused stream still holds, and both it and 'end' may be over when a handler gets the stream.
 */
function onEnd(stream: Stream, callback: () => void): void {
  let done = false
  const check = (): void => {
    if (done || stream.status !== 'open') return
    if (stream.remoteWriteStatus !== 'closed' || stream.readBufferLength > 0) return
    done = true
    callback()
  }
  stream.addEventListener('message', () => queueMicrotask(check))
  stream.addEventListener('remoteCloseWrite', check)
  stream.addEventListener('end', check)
  queueMicrotask(check)
}

const wrap = (stream: Stream): TestStream => ({
  send: (bytes) => stream.send(bytes),
  // `onDrain()` waits once in a stream's life, and answers at once ever after.
  drained: () =>
    new Promise((resolve) => {
      stream.addEventListener('drain', () => resolve(), { once: true })
    }),
  closeWrite: () => stream.close(),
  abort: (error) => stream.abort(error),
  readAll: () =>
    new Promise((resolve, reject) => {
      const chunks: Uint8Array[] = []
      stream.addEventListener('message', ({ data }) => chunks.push(data.subarray()))
      onEnd(stream, () => resolve(Buffer.concat(chunks)))
      stream.addEventListener('close', ({ error }) =>
        error === undefined ? resolve(Buffer.concat(chunks)) : reject(error)
      )
    })
})
