import { ManualClock, settle, until } from '@peerloom/conformance'
import { expect, test } from 'vitest'
import { memoryNetwork, memoryNode, type TestNode } from './nodes.ts'

const graceMs = 60_000

async function hubWith(count: number, highWater: number, lowWater: number) {
  const network = memoryNetwork()
  const clock = new ManualClock()
  const hub = await memoryNode(network, { clock, connectionManager: { highWater, lowWater, graceMs } })
  const join = async (): Promise<TestNode> => {
    const node = await memoryNode(network)
    await node.dial(hub.multiaddrs())
    await until('the hub has it', () => hub.connections.list(node.peerId).length === 1)
    return node
  }
  const nodes: TestNode[] = []
  for (let at = 0; at < count; at++) nodes.push(await join())
  const here = (): number[] => nodes.flatMap((node, at) => (hub.connections.list(node.peerId).length > 0 ? [at] : []))
  return { clock, hub, nodes, join, here }
}

test('above the high-water mark the least useful connections are closed, down to the low one', async () => {
  const { clock, hub, nodes, join, here } = await hubWith(6, 6, 4)
  nodes.forEach((node, at) => hub.peers.patch(node.peerId, { tags: { useful: at === 0 ? 50 : at } }))
  await clock.advance(graceMs)
  expect(here()).toHaveLength(6)
  await join()
  await until('three are closed', () => hub.connections.list().length === 4)
  expect(here()).toEqual([0, 4, 5])
})

test('the age of a connection is told by the node’s own clock', async () => {
  const { clock, hub } = await hubWith(1, 6, 4)
  await clock.advance(1234)
  expect(hub.inspect().connections[0]?.ageMs).toBe(1234)
})

test('young connections are not trimmed, and old ones make room for them', async () => {
  const { clock, hub, nodes, join, here } = await hubWith(3, 3, 1)
  await clock.advance(graceMs - 1)
  await join()
  await settle()
  expect(hub.connections.list()).toHaveLength(4)
  await clock.advance(1)
  await join()
  await until('the old ones are closed', () => hub.connections.list().length === 2)
  expect(here()).toEqual([])
  expect(nodes).toHaveLength(3)
})

test('a protected peer stays until its last protection is taken back', async () => {
  const { clock, hub, nodes, join, here } = await hubWith(3, 3, 2)
  const [first] = nodes as [TestNode]
  hub.connections.protect(first.peerId, 'mesh')
  hub.connections.protect(first.peerId, 'table')
  hub.connections.unprotect(first.peerId, 'mesh')
  await clock.advance(graceMs)
  await join()
  await until('two are closed', () => hub.connections.list().length === 2)
  expect(here()).toEqual([0])
  hub.connections.unprotect(first.peerId, 'table')
  await clock.advance(graceMs)
  await join()
  await join()
  await until('it is closed now', () => !here().includes(0))
})

test('of equals, the connection that is in use stays', async () => {
  const { clock, hub, nodes, join, here } = await hubWith(3, 3, 2)
  await hub.handle('/busy', () => {})
  await (nodes[1] as TestNode).openStream(hub.peerId, '/busy')
  await until('the stream is open', () => hub.inspect().counts.inboundStreams === 1)
  await clock.advance(graceMs)
  await join()
  await until('two are closed', () => hub.connections.list().length === 2)
  expect(here()).toEqual([1])
})

test('a tag that is past its time does not count', async () => {
  const { clock, hub, nodes, join, here } = await hubWith(3, 3, 2)
  hub.peers.patch((nodes[0] as TestNode).peerId, { tags: { was: { value: 100, ttlMs: graceMs } } })
  hub.peers.patch((nodes[2] as TestNode).peerId, { tags: { is: 1 } })
  await clock.advance(graceMs)
  await join()
  await until('two are closed', () => hub.connections.list().length === 2)
  expect(here()).toEqual([2])
})
