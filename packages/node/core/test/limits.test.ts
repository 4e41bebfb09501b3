import { multiaddr } from '@multiformats/multiaddr'
import { until } from '@peerloom/conformance'
import { defineModule, type Transport, type Upgrader } from '@peerloom/interface'
import { memory } from '@peerloom/memory'
import { channelPair } from '@peerloom/streams'
import { expect, test } from 'vitest'
import { memoryNetwork, memoryNode, type TestNode } from './nodes.ts'

/** A transport that only gives away the node's upgrader, to bring links of our own in. */
function inboundLinks() {
  let upgrader: Upgrader | undefined
  const module = defineModule<Transport>({
    name: 'links',
    create: () => ({
      name: 'links',
      canDial: () => false,
      canListen: (address) => address.toString().startsWith('/unix'),
      dial: () => Promise.reject(new Error('not for dialling')),
      createListener: (options) => {
        upgrader = options.upgrader
        return { listen: async () => {}, addresses: () => [], close: async () => {} }
      }
    })
  })
  return { module, upgrader: () => upgrader as Upgrader }
}

test('connections of the whole node are bounded, and one that closes makes room', async () => {
  const network = memoryNetwork()
  const hub = await memoryNode(network, { limits: { system: { connectionsInbound: 2 } } })
  const nodes = await Promise.all([1, 2, 3].map(() => memoryNode(network)))
  const [one, two, three] = nodes as [TestNode, TestNode, TestNode]
  await one.dial(hub.multiaddrs())
  await two.dial(hub.multiaddrs())
  await three.dial(hub.multiaddrs()).catch(() => {})
  await until('the third is gone', () => three.connections.list().length === 0)
  expect(hub.inspect()).toMatchObject({ counts: { connections: 2 }, limits: { system: { connectionsInbound: 2 } } })
  await one.hangUp(hub.peerId)
  await until('there is room', () => hub.connections.list().length === 1)
  await three.dial(hub.multiaddrs())
  await until('it has taken it', () => hub.connections.list(three.peerId).length === 1)
})

test('connections of one peer are bounded', async () => {
  const network = memoryNetwork()
  const far = await memoryNode(network)
  const near = await memoryNode(network, { limits: { peer: { connectionsOutbound: 2 } } })
  await near.dial(far.multiaddrs(), { force: true })
  await near.dial(far.multiaddrs(), { force: true })
  await expect(near.dial(far.multiaddrs(), { force: true })).rejects.toMatchObject({
    attempts: [{ code: 'ERR_LIMIT' }]
  })
  expect(near.connections.list(far.peerId)).toHaveLength(2)
  expect(near.inspect().limits.system.connectionsOutbound).toBe(2)
})

test('links that are still being secured are bounded, and none of them stays behind', async () => {
  const links = inboundLinks()
  const node = await memoryNode(memoryNetwork(), {
    transports: [links.module],
    addresses: { listen: ['/unix/x'] },
    limits: { transient: { connectionsInbound: 3 } }
  })
  const remoteAddress = multiaddr('/ip4/127.0.0.1/tcp/1')
  const far = [1, 2, 3, 4].map(() => {
    const [near, remote] = channelPair()
    void links.upgrader().upgradeInbound(near, { transport: 'links', remoteAddress })
    return remote
  })
  expect(node.inspect().limits.transient.connectionsInbound).toBe(3)
  await until('the fourth is refused', () => far[3]?.status === 'reset')
  for (const remote of far) remote.abort(new Error('gone'))
  await until('all have left', () => node.inspect().limits.transient.connectionsInbound === 0)
})

test('links from one address are bounded; loopback ones are not; a /64 counts as one address', async () => {
  const links = inboundLinks()
  await memoryNode(memoryNetwork(), {
    transports: [links.module],
    addresses: { listen: ['/unix/x'] },
    limits: { connectionsPerAddress: 2 }
  })
  const come = (ip: string): boolean => {
    const remoteAddress = multiaddr(`/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/1`)
    if (!links.upgrader().acceptInbound(remoteAddress)) return false
    void links.upgrader().upgradeInbound(channelPair()[0], { transport: 'links', remoteAddress })
    return true
  }
  expect(['9.9.9.9', '9.9.9.9', '9.9.9.9', '9.9.9.8'].map(come)).toEqual([true, true, false, true])
  expect(Array.from({ length: 10 }, () => come('127.0.0.1'))).not.toContain(false)
  expect(['2001:db8::1', '2001:db8::2:1', '2001:db8:0:0:3:2:1:9', '2001:db8:0:1::1'].map(come)).toEqual([
    true,
    true,
    false,
    true
  ])
})

test('a link that the gater refuses at the last step is counted out once', async () => {
  const links = inboundLinks()
  const network = memoryNetwork()
  let deny = false
  const hub = await memoryNode(network, {
    transports: [memory({ network }), links.module],
    addresses: { listen: ['/memory/hub', '/unix/x'] },
    connectionGater: { denyUpgraded: () => deny },
    limits: { connectionsPerAddress: 2 }
  })
  const remoteAddress = multiaddr('/ip4/9.9.9.9/tcp/1')
  const dialler = await memoryNode(network, {
    transports: [
      defineModule<Transport>({
        name: 'to-links',
        create: (node) => ({
          name: 'to-links',
          canDial: () => true,
          canListen: () => false,
          createListener: () => expect.unreachable(),
          dial: async (address, options) => {
            const [near, far] = channelPair(node.clock)
            void links.upgrader().upgradeInbound(far, { transport: 'links', remoteAddress })
            return options.upgrader.upgradeOutbound(near, {
              ...options,
              transport: 'links',
              remoteAddress: address
            })
          }
        })
      })
    ],
    addresses: {}
  })
  await dialler.dial('/memory/hub')
  await until('the first is open', () => hub.connections.list().length === 1)
  deny = true
  for (let at = 0; at < 5; at++) {
    const refused = await dialler.dial('/memory/hub', { force: true })
    await until('the refusal arrived', () => refused.status === 'closed')
  }
  deny = false
  expect(hub.connections.list()).toHaveLength(1)
  expect(links.upgrader().acceptInbound(remoteAddress)).toBe(true)
  await dialler.dial('/memory/hub', { force: true })
  await until('two are open', () => hub.connections.list().length === 2)
  expect(links.upgrader().acceptInbound(remoteAddress)).toBe(false)
  await dialler.stop()
  await until('all are gone', () => hub.connections.list().length === 0)
  expect(links.upgrader().acceptInbound(remoteAddress)).toBe(true)
})
