import { until } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { FloodRouter } from '@peerloom/floodsub'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import { defineModule } from '@peerloom/interface'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { type PubSubOptions, PubSubService, type ServiceHost } from '@peerloom/pubsub'
import { yamux } from '@peerloom/yamux'
import { expect, onTestFinished, test } from 'vitest'

const network = new MemoryNetwork()

async function node(options: PubSubOptions = {}) {
  let host: ServiceHost | undefined
  const pubsub = defineModule({
    name: 'test/pubsub',
    create: (context) =>
      new PubSubService(
        context,
        (given) => {
          host = given
          return new FloodRouter(given)
        },
        options
      )
  })
  const made = await createNode({
    addresses: { listen: ['/memory/0'] },
    transports: [memory({ network })],
    connectionEncryption: [noise()],
    streamMuxers: [yamux({ keepAliveMs: 0 })],
    services: { pubsub }
  })
  onTestFinished(() => made.stop())
  return Object.assign(made, { host: host as ServiceHost })
}

test('a recommended peer is connected to when its record is signed by itself', async () => {
  const [one, two, three] = await Promise.all([node(), node(), node()])
  const by = three.peerId.toString()
  const record = async (of: typeof two) => ({
    peerId: of.peerId.bytes,
    signedPeerRecord: await of.addresses.signedRecord(),
    by
  })
  const stranger = peerIdFromPrivateKey(await generateKey())
  const real = await record(two)
  one.host.connect([
    { peerId: three.peerId.bytes, by }, // without a record
    { ...(await record(three)), peerId: stranger.bytes }, // the record of another
    { peerId: three.peerId.bytes, signedPeerRecord: new Uint8Array(100), by },
    { peerId: Uint8Array.of(1, 2), signedPeerRecord: real.signedPeerRecord, by },
    real
  ])
  await until('connected', () => one.connections.list(two.peerId).length === 1)
  await until('all are dealt with', () => pendingDials(one) === 0)
  expect(one.connections.list()).toHaveLength(1)
})

test('an explicit peer is connected to by what is known of it', async () => {
  const [one, two] = await Promise.all([node(), node()])
  one.peers.addAddresses(two.peerId, two.multiaddrs())
  one.host.connect([two.peerId.toString(), one.peerId.toString(), 'nobody'])
  await until('connected', () => one.connections.list(two.peerId).length === 1)
})

test('more than are to be dialled are left out, and a stop ends what is under way', async () => {
  const one = await node({ dials: { maxParallelDials: 1, maxPendingDials: 3 } })
  const strangers = await Promise.all(Array.from({ length: 10 }, async () => peerIdFromPrivateKey(await generateKey())))
  one.host.connect(strangers.map(String))
  expect(pendingDials(one)).toBe(3)
  await one.stop()
  expect(pendingDials(one)).toBe(0)
  one.host.connect(strangers.map(String))
  expect(pendingDials(one)).toBe(0)
})

function pendingDials(one: Awaited<ReturnType<typeof node>>): number {
  return (one.services.pubsub.inspect() as { pending: { dials: number } }).pending.dials
}
