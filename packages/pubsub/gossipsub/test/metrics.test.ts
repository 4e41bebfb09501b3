import { until } from '@peerloom/conformance'
import type { Labels, Metrics } from '@peerloom/interface'
import { expect, test } from 'vitest'
import { encode, gossipNode, meshSize } from './nodes.ts'

function recording() {
  const counts = new Map<string, number>()
  const gauges = new Map<string, () => number>()
  const metrics: Metrics = {
    counter: (name) => ({
      add(amount = 1, labels: Labels = {}) {
        const key = [name, ...Object.entries(labels).map(([label, value]) => `${label}=${value}`)].join(' ')
        counts.set(key, (counts.get(key) ?? 0) + amount)
      }
    }),
    gauge: (name, _help, read) => {
      if (read !== undefined) gauges.set(name, read)
      return { set() {} }
    },
    histogram: (name) => ({ observe: () => void counts.set(name, (counts.get(name) ?? 0) + 1) })
  }
  const count = (name: string): number => counts.get(`peerloom_pubsub_${name}`) ?? 0
  return { metrics, count, gauge: (name: string) => gauges.get(`peerloom_pubsub_${name}`)?.() }
}

test('what happens is counted', async () => {
  const { metrics, count, gauge } = recording()
  const [one, two, three] = await Promise.all([gossipNode({}, 'memory', { metrics }), gossipNode(), gossipNode()])
  const nodes = [one, two, three]
  for (const { services } of nodes) services.pubsub.subscribe('t')
  one.services.pubsub.addValidator('t', ({ data }) => (data[0] === 0x72 ? 'reject' : 'accept'))
  await one.dial(two.multiaddrs())
  await one.dial(three.multiaddrs())
  await two.dial(three.multiaddrs())
  await until('meshes', () => nodes.every((node) => meshSize(node, 't') === 2))
  await until('GRAFTs sent', () => gauge('queued_bytes') === 0)
  expect([gauge('peers'), gauge('topics'), gauge('mesh_peers')]).toEqual([2, 1, 2])
  expect(count('grafts_total topic=t')).toBe(2)
  await one.services.pubsub.publish('t', encode('own'))
  await two.services.pubsub.publish('t', encode('good'))
  await until('delivered', () => count('messages_total topic=t outcome=delivered') === 1)
  // From two and, on its way over three, once more.
  await until('twice', () => count('messages_total topic=t outcome=duplicate') >= 1)
  await two.services.pubsub.publish('t', encode('rejected'))
  await until('rejected', () => count('messages_total topic=t outcome=reject') === 1)
  expect(count('messages_total topic=t outcome=published')).toBe(1)
  expect(count('messages_total topic=t outcome=accept')).toBe(1)
  expect(count('rpcs_total direction=received')).toBeGreaterThan(4)
  expect(count('rpc_bytes_total direction=sent')).toBeGreaterThan(200)
  await until('heartbeats', () => count('heartbeat_ms') > 0)
})

test('connections to members of a mesh are protected while they are members', async () => {
  const [one, two] = await Promise.all([gossipNode({ unsubscribeBackoffMs: 0 }), gossipNode()])
  const reasons = new Set<string>()
  const { connections } = one
  const [protect, unprotect] = [connections.protect.bind(connections), connections.unprotect.bind(connections)]
  connections.protect = (peer, reason) => {
    reasons.add(`${peer} ${reason}`)
    protect(peer, reason)
  }
  connections.unprotect = (peer, reason) => {
    reasons.delete(`${peer} ${reason}`)
    unprotect(peer, reason)
  }
  for (const { services } of [one, two]) services.pubsub.subscribe('t')
  await one.dial(two.multiaddrs())
  await until('in the mesh', () => reasons.has(`${two.peerId} pubsub:t`))
  one.services.pubsub.unsubscribe('t')
  expect(reasons.size).toBe(0)
  one.services.pubsub.subscribe('t')
  await until('in the mesh again', () => reasons.size === 1)
  await two.stop()
  await until('forgotten', () => reasons.size === 0)
})
