import type { ConnectionEncrypter, PrivateKey } from '@libp2p/interface'
import { noise as theirNoise } from '@libp2p/noise'
import { tcp as theirTcp } from '@libp2p/tcp'
import { yamux as theirYamux } from '@libp2p/yamux'
import { fromLibp2p, toLibp2p } from '@peerloom/compat'
import { createNode, type Node, type Services } from '@peerloom/core'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import { defineModule, type Module, type SecureTransport } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { createServer } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { startLibp2p } from './libp2p-peer.ts'
import { protocols } from './peer.ts'
import { startPeerloom } from './peerloom-peer.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

async function start(
  security: Module<SecureTransport>,
  options: object = {}
): Promise<Node<Services<Record<never, never>>>> {
  const node = await createNode({
    transports: [tcp()],
    connectionEncryption: [security],
    streamMuxers: [yamux()],
    ...options
  })
  await node.start()
  cleanUps.push(() => node.stop())
  return node
}

async function listen<T extends { readonly address: string; stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const peer = await starting
  cleanUps.push(() => peer.stop())
  return peer
}

it('agrees on the muxer inside the handshake of @libp2p/noise', async () => {
  const far = await listen(startPeerloom())
  const node = await start(fromLibp2p(theirNoise()))
  expect(await node.dial(far.address)).toMatchObject({ security: '/noise', earlyMuxer: true })
})

it('refuses another peer than the one that was dialled', async () => {
  const far = await listen(startPeerloom())
  const node = await start(fromLibp2p(theirNoise()))
  const other = peerIdFromPrivateKey(await generateKey('Ed25519'))
  const address = far.address.replace(/\/p2p\/.*/, `/p2p/${other}`)
  await expect(node.dial(address)).rejects.toThrow(/ERR_WRONG_PEER/)
})

it('tells js-libp2p of another peer than the one that was dialled by the name it knows', async () => {
  const far = await listen(startPeerloom())
  const near = await listen(startLibp2p({ security: toLibp2p(noise()) }))
  const other = peerIdFromPrivateKey(await generateKey('Ed25519'))
  const address = far.address.replace(/\/p2p\/.*/, `/p2p/${other}`)
  await expect(near.dial(address)).rejects.toThrow(/dialled .* but .* answered/)
})

it('bounds the handshake of a borrowed encrypter', async () => {
  // Agrees on Noise and says nothing more.
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.write('\u0013/multistream/1.0.0\n\u0007/noise\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUps.push(() => server.close())
  const { port } = server.address() as { port: number }
  const node = await start(fromLibp2p(theirNoise(), { handshakeTimeoutMs: 50 }))
  await expect(node.dial(`/ip4/127.0.0.1/tcp/${port}`)).rejects.toThrow(/ERR_TIMEOUT.*over 50 ms/s)
})

it('keeps the private key from a borrowed module, unless it is handed over', async () => {
  const privateKey = await generateKey('Ed25519')
  let seen: PrivateKey | undefined
  const factory = (components: { privateKey: PrivateKey }): ConnectionEncrypter => {
    seen = components.privateKey
    return theirNoise()(components as never)
  }
  await start(fromLibp2p(factory), { privateKey })
  expect(() => seen?.raw).toThrow(/privateKey/)
  const signature = await seen?.sign(Uint8Array.of(1, 2, 3))
  expect(await privateKey.publicKey.verify(Uint8Array.of(1, 2, 3), signature as Uint8Array)).toBe(true)

  const again = (components: { privateKey: PrivateKey }): ConnectionEncrypter => factory(components)
  await start(fromLibp2p(again, { privateKey }), { privateKey })
  expect(seen?.raw).toEqual(privateKey.raw)
})

it('hands further components to a borrowed module', async () => {
  let seen: unknown
  const factory = (components: { answer: number }): ConnectionEncrypter => {
    seen = components.answer
    return theirNoise()(components as never)
  }
  await start(fromLibp2p(factory, { components: { answer: 42 } }))
  expect(seen).toBe(42)
})

it('refuses modules that are neither encrypter, muxer nor transport', async () => {
  const service = fromLibp2p((() => ({ ping: () => {} })) as never)
  await expect(start(service as Module<SecureTransport>)).rejects.toThrow(/none of them/)
  const store = defineModule({ name: 'a store', create: () => ({ get: () => {} }) })
  const factory = toLibp2p(store as unknown as Module<SecureTransport>)
  expect(() => factory({} as never)).toThrow(/a store is none of them/)
})

it('says which part of a node a lent module cannot have', () => {
  const nosy = defineModule({
    name: 'nosy',
    create: (node) => ({ protocol: '/nosy', secure: () => node.peers }) as never
  })
  const lent = toLibp2p(nosy as Module<SecureTransport>)({ upgrader: { getStreamMuxers: () => new Map() } } as never)
  const connection = { direction: 'outbound', addEventListener: () => {}, log: { newScope: () => {} } } as never
  return expect(lent.secureOutbound(connection)).rejects.toThrow(/cannot use peers/)
})

it('resets the streams of a borrowed muxer over the limit of the node', async () => {
  const far = await createNode({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [fromLibp2p(theirTcp())],
    connectionEncryption: [noise()],
    streamMuxers: [fromLibp2p(theirYamux())],
    limits: { connection: { streamsInbound: 3 } }
  })
  await far.handle('/hold/1.0.0', () => {})
  await far.start()
  cleanUps.push(() => far.stop())
  const node = await start(noise())
  const connection = await node.dial(String(far.multiaddrs()[0]))
  const streams = []
  for (let opened = 0; opened < 3; opened++) {
    streams.push(await connection.openStream('/hold/1.0.0', { optimistic: false }))
  }
  await expect(connection.openStream('/hold/1.0.0', { optimistic: false })).rejects.toMatchObject({
    code: 'ERR_CHANNEL_RESET'
  })
  streams[0]?.abort(new Error('makes room'))
  await expect
    .poll(() =>
      connection.openStream('/hold/1.0.0', { optimistic: false }).then(
        () => 'open',
        () => 'refused'
      )
    )
    .toBe('open')
})

it('bounds what may be queued on a stream of a borrowed muxer', async () => {
  const far = await listen(startPeerloom())
  const near = await listen(startPeerloom({ muxer: fromLibp2p(theirYamux()) }))
  const stream = await (await near.dial(far.address)).open(protocols.hold)
  let queued = 0
  const ignoreAnswers = (): void => {
    for (; queued < 64 << 20; queued += 65_536) stream.send(new Uint8Array(65_536))
  }
  expect(ignoreAnswers).toThrow(expect.objectContaining({ code: 'ERR_SEND_QUEUE_FULL' }))
  expect(queued).toBeLessThan(6 << 20)
  far.release()
  const answer = stream.readAll()
  await stream.closeWrite()
  expect(new TextDecoder().decode(await answer)).toBe(String(queued))
})
