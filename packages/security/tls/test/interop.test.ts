import { generateKeyPair } from '@libp2p/crypto/keys'
import { tcp as theirTcp } from '@libp2p/tcp'
import { tls as theirTls } from '@libp2p/tls'
import { yamux as theirYamux } from '@libp2p/yamux'
import { until } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import type { Stream } from '@peerloom/interface'
import { tcp } from '@peerloom/tcp'
import { tls } from '@peerloom/tls'
import { yamux } from '@peerloom/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { expect, onTestFinished, test } from 'vitest'

const echo = '/echo/1.0.0'
const mebibyte = 1024 * 1024

async function ours(listen: string[] = []) {
  const node = await createNode({
    addresses: { listen },
    transports: [tcp()],
    connectionEncryption: [tls()],
    streamMuxers: [yamux()]
  })
  onTestFinished(() => node.stop())
  await node.handle(echo, (stream) => stream.sink(stream))
  return node
}

async function theirs(keyType: 'Ed25519' | 'secp256k1' | 'RSA', listen: string[] = []): Promise<Libp2p> {
  const node = await createLibp2p({
    privateKey: await generateKeyPair(keyType),
    addresses: { listen },
    transports: [theirTcp()],
    connectionEncrypters: [theirTls()],
    streamMuxers: [theirYamux()],
    connectionMonitor: { enabled: false }
  })
  onTestFinished(() => void node.stop())
  await node.handle(echo, async (stream) => {
    for await (const chunk of stream) if (!stream.send(chunk)) await stream.onDrain()
    await stream.close()
  })
  return node
}

const listen = ['/ip4/127.0.0.1/tcp/0']

/** Sends much and counts what comes back. */
async function echoes(stream: Pick<Stream, 'write' | 'closeWrite'> & AsyncIterable<Uint8Array>): Promise<number> {
  const writing = (async () => {
    for (let at = 0; at < 32; at++) await stream.write(new Uint8Array(mebibyte / 32).fill(at))
    await stream.closeWrite()
  })()
  let got = 0
  for await (const bytes of stream) got += bytes.length
  await writing
  return got
}

test.each(['Ed25519', 'secp256k1', 'RSA'] as const)('we dial js-libp2p with a key of type %s', async (type) => {
  const [us, them] = [await ours(), await theirs(type, listen)]
  const connection = await us.dial(String(them.getMultiaddrs()[0]))
  expect(connection).toMatchObject({ security: '/tls/1.0.0', muxer: '/yamux/1.0.0', earlyMuxer: true })
  expect(connection.remotePeer.toString()).toBe(them.peerId.toString())
  expect(await echoes(await connection.openStream(echo))).toBe(mebibyte)
  await connection.close()
  await until('they see it closed', () => them.getConnections().length === 0)
})

test.each(['Ed25519', 'secp256k1', 'RSA'] as const)('js-libp2p with a key of type %s dials us', async (type) => {
  const [us, them] = [await ours(listen), await theirs(type)]
  const connection = await them.dial(multiaddr(String(us.multiaddrs()[0])))
  expect(connection).toMatchObject({ encryption: '/tls/1.0.0', multiplexer: '/yamux/1.0.0' })
  expect(connection.remotePeer.toString()).toBe(us.peerId.toString())
  const stream = await connection.newStream(echo)
  let got = 0
  stream.addEventListener('message', ({ data }) => (got += data.byteLength))
  const ended = new Promise((resolve) => stream.addEventListener('remoteCloseWrite', resolve))
  for (let at = 0; at < 32; at++) {
    if (!stream.send(new Uint8Array(mebibyte / 32).fill(at))) await stream.onDrain()
  }
  await stream.close()
  await ended
  expect(got).toBe(mebibyte)
  const [seen] = us.connections.list()
  expect(seen).toMatchObject({ security: '/tls/1.0.0', earlyMuxer: true })
  expect(seen?.remotePeer.toString()).toBe(them.peerId.toString())
  await connection.close()
  await until('we see it closed', () => us.connections.list().length === 0)
})

test('another js-libp2p peer than the one that was dialled is refused', async () => {
  const [us, them, other] = [await ours(), await theirs('Ed25519', listen), await theirs('Ed25519')]
  const address = String(them.getMultiaddrs()[0]).replace(them.peerId.toString(), other.peerId.toString())
  await expect(us.dial(address)).rejects.toMatchObject({ code: 'ERR_DIAL' })
})
