import { expect, test } from 'vitest'
import { Net } from './net.ts'

test('a message reaches every subscriber through the mesh, once', () => {
  const net = new Net({ floodPublish: false })
  const nodes = net.many(30)
  net.full()
  for (const node of nodes) node.router.subscribe('t')
  net.run(5000)
  for (const node of nodes) {
    expect(node.mesh('t').length).toBeGreaterThanOrEqual(5)
    expect(node.mesh('t').length).toBeLessThanOrEqual(12)
  }
  nodes[0]?.publish('t', 'm')
  net.pump()
  for (const node of nodes.slice(1)) expect(node.delivered).toEqual(['m'])
  expect(nodes[0]?.delivered).toEqual([])
})

test('meshes are mutual', () => {
  const net = new Net()
  const nodes = net.many(20)
  net.full()
  for (const node of nodes) node.router.subscribe('t')
  net.run(10_000)
  for (const node of nodes) {
    for (const other of nodes) expect(node.mesh('t').includes(other.name)).toBe(other.mesh('t').includes(node.name))
  }
})

test('a message that the mesh loses comes by gossip', () => {
  const net = new Net({ floodPublish: false })
  const nodes = net.many(25)
  net.full()
  for (const node of nodes) node.router.subscribe('t')
  net.run(3000)
  const deaf = nodes[7]
  // Whom the mesh pushes to, and who drops what is pushed.
  for (const node of nodes) {
    if (deaf === undefined || node === deaf) continue
    const { queue } = node.peer(deaf)
    const push = queue.push.bind(queue)
    queue.push = (item, priority) => priority === 'forward' || priority === 'own' || push(item, priority)
  }
  nodes[0]?.publish('t', 'm')
  net.pump()
  expect(deaf?.delivered).toEqual([])
  net.run(4000)
  expect(deaf?.delivered).toEqual(['m'])
})

test('the same seed gives the same run', () => {
  const run = (seed: number): string => {
    const net = new Net({}, seed)
    const nodes = net.many(15)
    net.full()
    for (const node of nodes) node.router.subscribe('t')
    net.run(3000)
    for (const [at, node] of nodes.entries()) node.publish('t', `m${at}`, 5000)
    net.run(3000)
    return JSON.stringify(net.wire)
  }
  expect(run(7)).toBe(run(7))
  expect(run(7)).not.toBe(run(8))
})
