import type { ConnectionGater } from '@peerloom/interface'
import { until } from '@peerloom/conformance'
import { expect, test } from 'vitest'
import { memoryNetwork, memoryNode, type TestNode } from './nodes.ts'

async function pair(nearGater: ConnectionGater, farGater: ConnectionGater): Promise<{ near: TestNode; far: TestNode }> {
  const network = memoryNetwork()
  const far = await memoryNode(network, { connectionGater: farGater })
  const near = await memoryNode(network, { connectionGater: nearGater })
  near.peers.addAddresses(far.peerId, far.multiaddrs())
  return { near, far }
}

const idle = (node: TestNode): boolean => {
  const { connections, limits } = node.inspect()
  const used = [...Object.values(limits.system), ...Object.values(limits.transient)]
  return connections.length === 0 && used.every((amount) => amount === 0)
}

const nothingLeft = (...nodes: TestNode[]): Promise<void> =>
  until('no connection and no reservation is left', () => nodes.every(idle))

test('a peer that the gater refuses is not dialled', async () => {
  const asked: string[] = []
  const denyDialPeer = (peer: string): boolean => asked.push(peer) > 0
  const { near, far } = await pair({ denyDialPeer, denyDialAddress: () => expect.unreachable() }, {})
  await expect(near.dial(far.peerId)).rejects.toMatchObject({ code: 'ERR_GATED' })
  await expect(near.dial(far.multiaddrs())).rejects.toMatchObject({ code: 'ERR_GATED' })
  expect(asked).toEqual([far.peerId.toString(), far.peerId.toString()])
  await nothingLeft(near, far)
})

test('an address that the gater refuses is not dialled', async () => {
  const asked: unknown[] = []
  const denyDialAddress = (...args: unknown[]): boolean => asked.push(args.map(String)) > 0
  const { near, far } = await pair({ denyDialAddress }, {})
  await expect(near.dial(far.peerId)).rejects.toMatchObject({ code: 'ERR_DIAL', attempts: [{ code: 'ERR_GATED' }] })
  expect(asked).toEqual([[near.peers.get(far.peerId)?.addresses[0]?.address.toString(), far.peerId.toString()]])
  await nothingLeft(near, far)
})

test('an inbound link that the gater refuses is dropped before any work', async () => {
  const denySecured = (): boolean => expect.unreachable()
  const { near, far } = await pair({}, { denyInbound: () => true, denySecured })
  await expect(near.dial(far.peerId)).rejects.toMatchObject({ code: 'ERR_DIAL', attempts: [{ stage: 'security' }] })
  await nothingLeft(near, far)
})

test.each(['inbound', 'outbound'] as const)('a peer is refused once it has shown who it is, %s', async (direction) => {
  const asked: string[] = []
  const gater: ConnectionGater = {
    denySecured: (peer, way) => asked.push(`${peer} ${way}`) > 0,
    denyUpgraded: () => expect.unreachable()
  }
  const { near, far } = await (direction === 'inbound' ? pair({}, gater) : pair(gater, {}))
  const dialling = near.dial(far.peerId)
  if (direction === 'outbound') await expect(dialling).rejects.toMatchObject({ attempts: [{ code: 'ERR_GATED' }] })
  else await dialling.catch(() => {})
  await until('the gater was asked', () => asked.length > 0)
  expect(asked).toEqual([`${(direction === 'inbound' ? near : far).peerId} ${direction}`])
  await nothingLeft(near, far)
})

test.each(['inbound', 'outbound'] as const)('a connection is refused when it is complete, %s', async (direction) => {
  const opened: unknown[] = []
  const gater: ConnectionGater = { denyUpgraded: ({ muxer }) => muxer === '/yamux/1.0.0' }
  const { near, far } = await (direction === 'inbound' ? pair({}, gater) : pair(gater, {}))
  ;(direction === 'inbound' ? far : near).events.on('connection:open', (connection) => opened.push(connection))
  const dialling = near.dial(far.peerId)
  if (direction === 'outbound') await expect(dialling).rejects.toMatchObject({ attempts: [{ code: 'ERR_GATED' }] })
  else await dialling.catch(() => {})
  expect(opened).toEqual([])
  await nothingLeft(near, far)
})
