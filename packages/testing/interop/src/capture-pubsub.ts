// Freezes what js-libp2p sends as GossipSub, as vectors for @peerloom/pubsub: `node src/capture-pubsub.ts`. Keys are generated
// for the run and thrown away with it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { gossipsub } from '@libp2p/gossipsub'
import { identify as npmIdentify } from '@libp2p/identify'
import type { KeyType } from '@libp2p/interface'
import { noise as npmNoise } from '@libp2p/noise'
import { tcp as npmTcp } from '@libp2p/tcp'
import { yamux as npmYamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { encodeRpc } from '@peerloom/pubsub'
import { lengthPrefixed } from '@peerloom/streams'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { createLibp2p } from 'libp2p'

const protocol = '/meshsub/1.2.0'
const topic = 'peerloom-vectors'
const source = '@libp2p/gossipsub 17.1.1'
const folder = new URL('../../../pubsub/pubsub/test/fixtures/', import.meta.url)
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** All frames of a node that publishes twice to us, advertises what it published, and leaves the topic. */
async function capture(keyType: KeyType): Promise<object> {
  const frames: Uint8Array[] = []
  const listener = await createNode({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() }
  })
  await listener.handle(protocol, async (stream) => {
    for await (const frame of lengthPrefixed(stream, { maxBytes: 1 << 22 })) frames.push(new Uint8Array(frame))
  })
  const node = await createLibp2p({
    privateKey: await generateKeyPair(keyType),
    addresses: { listen: [] },
    transports: [npmTcp()],
    connectionEncrypters: [npmNoise()],
    streamMuxers: [npmYamux()],
    services: {
      identify: npmIdentify(),
      pubsub: gossipsub({ heartbeatInterval: 200, allowPublishToZeroTopicPeers: true, D: 1, Dlo: 1, Dhi: 2, Dout: 0 })
    }
  })
  const { pubsub } = node.services
  pubsub.subscribe(topic)
  const connection = await node.dial(listener.multiaddrs().map((address) => multiaddr(String(address))))
  await until(() => frames.length > 0)
  const back = listener.connections.list()[0]
  const stream = await back?.openStream(protocol)
  const say = async (rpc: Parameters<typeof encodeRpc>[0]): Promise<void> => {
    if (stream !== undefined) await lengthPrefixed(stream).write(encodeRpc(rpc))
  }
  await say({ subscriptions: [{ topic, subscribe: true }] })
  await until(() => frames.length > 1) // its GRAFT
  const data = [new TextEncoder().encode('hello'), new Uint8Array(600).fill(7)]
  for (const one of data) await pubsub.publish(topic, one)
  // Out of its mesh, it advertises to us what it has.
  await say({ control: { prune: [{ topic, backoffSeconds: 60 }] } })
  await until(() => frames.length > 4)
  pubsub.unsubscribe(topic)
  await until(() => frames.length > 5)
  await connection.close()
  await node.stop()
  await listener.stop()
  return { keyType, peerId: node.peerId.toString(), topic, data: data.map(base64), frames: frames.map(base64) }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('not within 10 s')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const sessions: object[] = []
for (const keyType of ['Ed25519', 'secp256k1', 'RSA'] as const) sessions.push(await capture(keyType))
mkdirSync(folder, { recursive: true })
const note = 'Byte strings are base64. Frames are RPCs without the length before them, in the order they were sent.'
writeFileSync(new URL('js-libp2p-rpcs.json', folder), `${JSON.stringify({ note, source, sessions }, null, 2)}\n`)
