import { multiaddr } from '@multiformats/multiaddr'
import { ManualClock } from '@peerloom/conformance'
import { openPeerRecord } from '@peerloom/identity'
import type { Connection } from '@peerloom/interface'
import { createNode } from '@peerloom/core'
import { expect, test } from 'vitest'
import { memoryNetwork, memoryNode } from './nodes.ts'

const from = (ip: string, direction: 'inbound' | 'outbound' = 'inbound'): Connection =>
  ({ direction, remoteAddress: multiaddr(`/ip${ip.includes(':') ? 6 : 4}/${ip}/tcp/999`) }) as Connection

const bare = () => createNode({ start: false })
type Bare = Awaited<ReturnType<typeof bare>>
const texts = (node: Pick<Bare, 'addresses'>): string[] =>
  node.addresses.list().map(({ address }) => address.toString())

test('an address that four distinct peers see becomes one of ours', async () => {
  const node = await bare()
  const seen = multiaddr('/ip4/5.5.5.5/tcp/4001')
  for (const ip of ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.1', '1.1.1.2']) node.addresses.observe(seen, from(ip))
  expect(texts(node)).toEqual([])
  node.addresses.observe(seen, from('1.1.1.4'))
  expect(node.addresses.list()).toMatchObject([{ source: 'observed', reachability: 'unknown' }])
  expect(node.multiaddrs().map(String)).toEqual([`/ip4/5.5.5.5/tcp/4001/p2p/${node.peerId}`])
})

test('observers of one /64, dialled ones, and what they say of loopback and relays do not count', async () => {
  const node = await bare()
  const seen = multiaddr('/ip4/5.5.5.5/tcp/4001')
  for (let at = 1; at < 9; at++) node.addresses.observe(seen, from(`2001:db8::${at}`))
  for (let at = 1; at < 9; at++) node.addresses.observe(seen, from(`1.1.1.${at}`, 'outbound'))
  const relayed = `/ip4/5.5.5.5/tcp/1/p2p/${node.peerId}/p2p-circuit`
  for (let at = 1; at < 9; at++) {
    node.addresses.observe(multiaddr('/ip4/127.0.0.1/tcp/1'), from(`1.1.1.${at}`))
    node.addresses.observe(multiaddr(relayed), from(`1.1.1.${at}`))
  }
  expect(texts(node)).toEqual([])
})

test('peers that agree on ever new addresses do not make the list grow', async () => {
  const node = await bare()
  for (let port = 1; port <= 500; port++) {
    for (let at = 1; at <= 4; at++) node.addresses.observe(multiaddr(`/ip4/5.5.5.5/tcp/${port}`), from(`1.1.1.${at}`))
  }
  expect(texts(node).length).toBeLessThanOrEqual(8)
})

test('the address that most peers see is kept before one that few made up', async () => {
  const node = await bare()
  const real = multiaddr('/ip4/5.5.5.5/tcp/4001')
  for (let at = 1; at <= 10; at++) node.addresses.observe(real, from(`1.1.1.${at}`))
  for (let port = 1; port <= 20; port++) {
    for (let at = 1; at <= 4; at++) node.addresses.observe(multiaddr(`/ip4/6.6.6.6/tcp/${port}`), from(`2.2.2.${at}`))
  }
  expect(texts(node)[0]).toBe(real.toString())
})

test('announced addresses take the place of the listening ones, appended ones stand beside them', async () => {
  const network = memoryNetwork()
  const instead = await memoryNode(network, {
    addresses: { listen: ['/memory/one'], announce: ['/dns4/a.example/tcp/1'] }
  })
  expect(texts(instead)).toEqual(['/dns4/a.example/tcp/1'])
  const beside = await memoryNode(network, {
    addresses: { listen: ['/memory/two'], appendAnnounce: ['/dns4/b.example/tcp/1'] }
  })
  expect(beside.addresses.list().map(({ address, source }) => `${address} ${source}`)).toEqual([
    '/memory/two listen',
    '/dns4/b.example/tcp/1 announced'
  ])
})

test('the filter keeps an address to ourselves, whatever its source', async () => {
  const node = await memoryNode(memoryNetwork(), {
    addresses: {
      listen: ['/memory/one', '/memory/two'],
      announceFilter: (address) => !address.toString().includes('two')
    }
  })
  node.addresses.add(multiaddr('/dns4/two.example/tcp/1'), 'mapped')
  expect(texts(node)).toEqual(['/memory/one'])
})

test('an address that a module brings goes with its removal, and is told once for each change', async () => {
  const node = await bare()
  const told: number[] = []
  node.events.on('addresses', (list) => told.push(list.length))
  const remove = node.addresses.add(multiaddr('/ip4/5.5.5.5/tcp/1'), 'mapped')
  node.addresses.add(multiaddr('/ip4/5.5.5.5/tcp/1'), 'mapped')
  remove() // of the first, which the second has replaced
  expect(texts(node)).toHaveLength(1)
  node.addresses.setReachability(multiaddr('/ip4/5.5.5.5/tcp/1'), 'public')
  expect(node.addresses.list()[0]?.reachability).toBe('public')
  expect(told).toEqual([1, 1])
})

test('the signed record holds the addresses, and its number only grows', async () => {
  const clock = new ManualClock(1000)
  const node = await createNode({ start: false, clock })
  const one = await openPeerRecord(await node.addresses.signedRecord())
  expect(one.peerId.equals(node.peerId)).toBe(true)
  expect(await openPeerRecord(await node.addresses.signedRecord())).toMatchObject({ seq: one.seq })
  node.addresses.add(multiaddr('/ip4/5.5.5.5/tcp/1'), 'mapped')
  const two = await openPeerRecord(await node.addresses.signedRecord()) // no time has gone by
  expect(two.seq).toBe(one.seq + 1n)
  expect(two.addresses.map(String)).toEqual(['/ip4/5.5.5.5/tcp/1'])
  await clock.advance(10)
  node.addresses.add(multiaddr('/ip4/5.5.5.5/tcp/2'), 'mapped')
  expect((await openPeerRecord(await node.addresses.signedRecord())).seq).toBe(1_010_000_000n)
})
