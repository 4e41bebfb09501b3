import { multiaddr } from '@multiformats/multiaddr'
import { bootstrap } from '@peerloom/bootstrap'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import { until } from '@peerloom/conformance'
import { expect, test } from 'vitest'
import { World } from './nodes.ts'

const stranger = peerIdFromPrivateKey(await generateKey())

test.each([
  ['text that is no multiaddr', 'example.com:4001'],
  ['an unknown protocol', '/ip4/10.0.0.1/carrier-pigeon/7'],
  ['a peer without an address', `/p2p/${stranger}`],
  ['nothing', ''],
  ['an address that is incomplete', '/ip4/10.0.0.1/tcp']
])('%s in the list is refused at once', (_, entry) => {
  expect(() => bootstrap({ list: ['/ip4/10.0.0.1/tcp/4001', entry] })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' })
  )
})

test.each([
  ['minConnections', -1],
  ['firstDelayMs', 0],
  ['maxDelayMs', Number.NaN],
  ['dialTimeoutMs', 0],
  ['parallelDials', 0],
  ['maxRemembered', -1]
])('%s of %d is refused', (name, value) => {
  expect(() => bootstrap({ list: [], [name]: value })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringContaining(name) as string })
  )
})

test('peers are announced with all their addresses, and not the node itself', async () => {
  const world = new World()
  const { node, found, dialled } = await world.node({ list: [], minConnections: 0 })
  await node.stop()
  expect([found, dialled]).toEqual([[], []])

  const key = await generateKey()
  const list = [
    `/memory/1/p2p/${stranger}`,
    multiaddr(`/memory/2/p2p/${stranger}`),
    `/memory/1/p2p/${stranger}`,
    '/memory/3',
    `/memory/4/p2p/${peerIdFromPrivateKey(key)}`
  ]
  const other = await world.node({ list, minConnections: 0 }, { privateKey: key })
  await other.node.start()
  expect(other.found.map(({ id, addresses }) => [id.toString(), addresses.map(String)])).toEqual([
    [stranger.toString(), [`/memory/1/p2p/${stranger}`, `/memory/2/p2p/${stranger}`]]
  ])
  expect(other.node.peers.get(stranger)?.addresses).toHaveLength(2)
  expect(other.dialled).toEqual([])
})

test('an address without a peer is dialled as it stands, and who answers is known from then on', async () => {
  const world = new World()
  const peer = await world.peer()
  const list = peer.addresses.list().map(({ address }) => address)
  const { node, dialled } = await world.node({ list })
  await node.start()
  await until('connected', () => node.connections.list(peer.peerId).length === 1)
  expect(dialled).toEqual(list.map(String))
})

test('names are left to the dialler', async () => {
  const world = new World()
  const peer = await world.peer()
  const dns = {
    txt: (name: string): Promise<string[]> =>
      Promise.resolve(name === '_dnsaddr.example.com' ? peer.multiaddrs().map((one) => `dnsaddr=${one}`) : []),
    lookup: (): Promise<string[]> => Promise.resolve([])
  }
  const { node } = await world.node({ list: ['/dnsaddr/example.com'] }, { dns })
  await node.start()
  await until('connected', () => node.connections.list(peer.peerId).length === 1)
})
