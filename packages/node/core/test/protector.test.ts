import { channelPair } from '@peerloom/streams'
import { noise } from '@peerloom/noise'
import { createNode } from '@peerloom/core'
import {
  type Channel,
  type ConnectionProtector,
  defineModule,
  type Listener,
  type Module,
  PeerloomError,
  type Secured,
  type Transport,
  type Upgrader
} from '@peerloom/interface'
import { until } from '@peerloom/conformance'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { memoryNetwork, memoryNode } from './nodes.ts'

afterEach(() => {
  delete process.env['LIBP2P_FORCE_PNET']
})

/** Stands for a cipher: both ends say a byte first, and take only the same one. */
function protector(key: number, seen: Channel[] = []): Module<ConnectionProtector> {
  return defineModule({
    name: 'test/protector',
    create: () => ({
      fingerprint: `0${key}`,
      protect(channel) {
        seen.push(channel)
        channel.send(Uint8Array.of(key))
        return new Promise((resolve, reject) => {
          channel.intercept((bytes) => {
            channel.intercept(undefined)
            if (bytes[0] === key) resolve(channel)
            else reject(new PeerloomError('ERR_SECURITY', 'another network', { remote: true }))
            return bytes.subarray(1)
          })
        })
      }
    })
  })
}

/** Hands out the upgrader that the node gives its transports. */
function upgraderKeeper(): { module: Module<Transport>; upgrader: () => Upgrader } {
  let kept: Upgrader | undefined
  const listener: Listener = { listen: async () => {}, addresses: () => [], close: async () => {} }
  const module = defineModule<Transport>({
    name: 'test/keeper',
    create: () => ({
      name: 'keeper',
      canDial: () => false,
      canListen: () => true,
      dial: () => Promise.reject(new Error('dials nothing')),
      createListener({ upgrader }) {
        kept = upgrader
        return listener
      }
    })
  })
  return { module, upgrader: () => kept as Upgrader }
}

test('what protects the network comes before anything else on a link, on both ends', async () => {
  const network = memoryNetwork()
  const seen: Channel[] = []
  const far = await memoryNode(network, { connectionProtector: protector(1, seen) })
  const near = await memoryNode(network, { connectionProtector: protector(1, seen) })
  await near.dial(far.multiaddrs())
  expect(seen).toHaveLength(2)
  const stranger = await memoryNode(network, { connectionProtector: protector(2) })
  await expect(stranger.dial(far.multiaddrs())).rejects.toMatchObject({
    code: 'ERR_DIAL',
    attempts: [{ stage: 'security' }]
  })
  const outsider = await memoryNode(network)
  await expect(outsider.dial(far.multiaddrs())).rejects.toMatchObject({ code: 'ERR_DIAL' })
  await until('only the member is connected', () => far.connections.list().length === 1)
})

test('a transport that brings its own security stays out of a private network', async () => {
  const { module, upgrader } = upgraderKeeper()
  const node = await createNode({
    transports: [module],
    connectionProtector: protector(1),
    addresses: { listen: ['/memory/1'] }
  })
  onTestFinished(() => node.stop())
  const adopting = upgrader().adoptOutbound({
    transport: 'quic',
    remoteAddress: node.multiaddrs()[0],
    security: '/tls/1.0.0',
    remotePeer: node.peerId,
    remoteKey: undefined,
    createMuxer: () => expect.unreachable()
  } as unknown as Parameters<Upgrader['adoptOutbound']>[0])
  await expect(adopting).rejects.toMatchObject({ code: 'ERR_GATED' })
})

test('a transport has its handshake made by the module that the node has for it', async () => {
  const kept = [upgraderKeeper(), upgraderKeeper()] as const
  const nodes = await Promise.all(
    kept.map(({ module }) =>
      createNode({ transports: [module], connectionEncryption: [noise()], addresses: { listen: ['/memory/1'] } })
    )
  )
  onTestFinished(async () => void (await Promise.all(nodes.map((node) => node.stop()))))
  const [near, far] = channelPair()
  const prologue = Uint8Array.of(1, 2)
  const secured: [Secured, Secured] = await Promise.all([
    kept[0].upgrader().secure('/noise', near, { role: 'initiator', muxers: [], prologue }),
    kept[1].upgrader().secure('/noise', far, { role: 'responder', muxers: [], prologue })
  ])
  expect(secured.map(({ remotePeer }) => remotePeer.toString())).toEqual(
    nodes.toReversed().map((node) => node.peerId.toString())
  )
  const [unused] = channelPair()
  const missing = kept[0].upgrader().secure('/tls/1.0.0', unused, { role: 'initiator', muxers: [] })
  await expect(missing).rejects.toMatchObject({ code: 'ERR_MISSING_MODULE' })
  expect(unused.status).toBe('reset')
})

test('an environment that asks for a private network gets no node outside of one', async () => {
  process.env['LIBP2P_FORCE_PNET'] = '1'
  await expect(createNode({ start: false })).rejects.toMatchObject({ code: 'ERR_MISSING_MODULE' })
  const node = await createNode({ start: false, connectionProtector: protector(1) })
  expect(node.status).toBe('stopped')
})
