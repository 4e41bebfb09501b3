import { multiaddr } from '@multiformats/multiaddr'
import { ManualClock, settle, until } from '@peerloom/conformance'
import type { Connection } from '@peerloom/interface'
import { expect, test } from 'vitest'
import { type Fate, Lab } from './lab-transport.ts'
import { memoryNetwork, memoryNode, tcpNode, type TestNode } from './nodes.ts'
import { createServer } from 'node:net'

/** A node whose dials run under virtual time, and one to be reached under `/memory/far`. */
async function laboratory(options: { fates: Record<string, Fate>; parallelPerPeer?: number; dns?: unknown }): Promise<{
  clock: ManualClock
  lab: Lab
  near: TestNode
  far: TestNode
}> {
  const network = memoryNetwork()
  const clock = new ManualClock()
  const lab = new Lab(network)
  const far = await memoryNode(network, { addresses: { listen: ['/memory/far'] } })
  const near = await memoryNode(network, {
    transports: [lab.transport()],
    addresses: {},
    clock,
    dialer: options.parallelPerPeer === undefined ? {} : { parallelPerPeer: options.parallelPerPeer }
  })
  near.peers.addAddresses(far.peerId, lab.map(options.fates), { ttlMs: Infinity })
  return { clock, lab, near, far }
}

const outcome = (dialling: Promise<Connection>): { connection?: Connection; error?: Error } => {
  const settled: { connection?: Connection; error?: Error } = {}
  dialling.then(
    (connection) => (settled.connection = connection),
    (error: Error) => (settled.error = error)
  )
  return settled
}

test.each(['lost', 'mute'] as const)('one %s address costs one stagger, not a timeout', async (fate) => {
  const { clock, lab, near, far } = await laboratory({
    fates: { '/ip4/1.0.0.1/udp/1/quic-v1': fate, '/ip4/1.0.0.1/tcp/1': '/memory/far' }
  })
  const dialled = outcome(near.dial(far.peerId))
  await clock.advance(249)
  expect(lab.started).toEqual(['/ip4/1.0.0.1/udp/1/quic-v1'])
  expect(dialled.connection).toBeUndefined()
  await clock.advance(1)
  await until('the second address wins', () => dialled.connection !== undefined)
  expect(lab.calledOff).toContain('/ip4/1.0.0.1/udp/1/quic-v1')
  expect(near.inspect().counts).toMatchObject({ connections: 1, pendingDials: 0 })
  expect(near.inspect().limits.transient.connectionsOutbound).toBe(0)
})

test('three lost addresses cost three staggers, and are called off by the winner', async () => {
  const { clock, lab, near, far } = await laboratory({
    fates: {
      '/ip6/2001:db8::1/udp/1/quic-v1': 'lost',
      '/ip4/1.0.0.1/udp/1/quic-v1': 'mute',
      '/ip6/2001:db8::1/tcp/1': 'lost',
      '/ip4/1.0.0.1/tcp/1': '/memory/far',
      '/ip4/1.0.0.1/tcp/2/ws': '/memory/far'
    }
  })
  const dialled = outcome(near.dial(far.peerId))
  await clock.advance(750)
  await until('the fourth address wins', () => dialled.connection !== undefined)
  expect(lab.started).toHaveLength(4)
  expect(lab.calledOff.length).toBeGreaterThanOrEqual(3)
})

test('an address that is refused gives way to the next at once', async () => {
  const { lab, near, far } = await laboratory({
    fates: {
      '/ip6/2001:db8::1/tcp/1': 'refused',
      '/ip4/1.0.0.1/tcp/1': 'refused',
      '/ip4/1.0.0.1/tcp/2/ws': '/memory/far'
    }
  })
  await near.dial(far.peerId) // without any time going by
  expect(lab.started).toHaveLength(3)
})

test('attempts under way at once are bounded; one that fails makes room', async () => {
  const addresses = Array.from({ length: 10 }, (_, at) => `/ip4/10.0.0.${at + 1}/tcp/1`)
  const fates: Record<string, Fate> = Object.fromEntries(addresses.map((address) => [address, 'lost']))
  const { clock, lab, near, far } = await laboratory({ fates, parallelPerPeer: 4 })
  const dialled = outcome(near.dial(far.peerId))
  await clock.advance(2999)
  expect(lab.started).toHaveLength(4)
  await clock.advance(12_001)
  expect(dialled.error).toMatchObject({ code: 'ERR_TIMEOUT' })
  expect(lab.calledOff).toEqual(lab.started)
})

test('addresses that never answer give their places up to those that wait, and count as failed', async () => {
  const fates: Record<string, Fate> = {}
  for (let at = 1; at <= 16; at++) fates[`/ip4/10.0.0.${at}/tcp/1`] = 'lost'
  fates['/ip4/10.0.0.17/tcp/1/ws'] = '/memory/far'
  const { clock, lab, near, far } = await laboratory({ fates })
  const dialled = outcome(near.dial(far.peerId))
  await clock.advance(3000)
  expect(lab.calledOff.length).toBeGreaterThan(0)
  await clock.advance(3500)
  await until('the last address wins', () => dialled.connection !== undefined)
  await near.hangUp(far.peerId)
  // What gave its place up failed, what the winner called off did not.
  const again = outcome(near.dial(far.peerId))
  await clock.advance(1)
  await until('it is reached again', () => again.connection !== undefined || lab.started.length > 17)
  const tried = lab.started.slice(17)
  expect(tried.every((address) => !lab.calledOff.slice(0, 8).includes(address))).toBe(true)
})

test('a direct address behind many relayed ones is among those that are tried', async () => {
  const relay = '12D3KooWJ5zkTDdXTmeA4eGhmQx4rQZTVYMJbQQjaTwh2wnLqcvk'
  const fates: Record<string, Fate> = {}
  for (let at = 1; at <= 40; at++) fates[`/ip4/1.0.0.${at}/tcp/1/p2p/${relay}/p2p-circuit`] = 'refused'
  fates['/ip4/1.0.0.99/tcp/1'] = '/memory/far'
  const { lab, near, far } = await laboratory({ fates })
  await near.dial(far.peerId)
  expect(lab.started).toEqual(['/ip4/1.0.0.99/tcp/1'])
})

test('no more addresses of a peer are tried than the bound', async () => {
  const fates: Record<string, Fate> = {}
  for (let at = 1; at <= 40; at++) fates[`/ip4/10.0.0.${at}/tcp/1`] = 'refused'
  const { lab, near, far } = await laboratory({ fates })
  await expect(near.dial(far.peerId)).rejects.toMatchObject({ code: 'ERR_DIAL' })
  expect(lab.started).toHaveLength(25)
})

test('a winner that comes too late is closed', async () => {
  const { clock, near, far } = await laboratory({
    fates: { '/ip4/10.0.0.1/tcp/1': '/memory/far', '/ip4/10.0.0.2/tcp/1': '/memory/far' }
  })
  const dialled = outcome(near.dial(far.peerId))
  await clock.advance(30)
  await until('a winner', () => dialled.connection !== undefined)
  await settle()
  expect(near.connections.list()).toEqual([dialled.connection])
  await until('one connection on the other side', () => far.connections.list().length === 1)
})

test('over real sockets, a dead port and a listener that never answers do not hold a dial up', async () => {
  const mute = createServer((socket) => socket.on('error', () => {}))
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
  const far = await tcpNode()
  const near = await tcpNode({ addresses: {}, dialer: { timeoutMs: 5000 } })
  try {
    const { port } = mute.address() as { port: number }
    const good = far.multiaddrs()[0]?.toString() as string
    const addresses = ['/ip4/127.0.0.1/tcp/1', `/ip4/127.0.0.1/tcp/${port}`, good.replace(/\/p2p\/.*/, '')]
    const connection = await near.dial(addresses.map((address) => multiaddr(`${address}/p2p/${far.peerId}`)))
    expect(connection.remotePeer.equals(far.peerId)).toBe(true)
  } finally {
    mute.close()
  }
})
