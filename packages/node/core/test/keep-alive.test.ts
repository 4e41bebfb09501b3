import { ManualClock, settle, until } from '@peerloom/conformance'
import { expect, test } from 'vitest'
import { Lab } from './lab-transport.ts'
import { memoryNetwork, memoryNode } from './nodes.ts'

const address = '/ip4/10.0.0.1/tcp/1'

async function laboratory(tag: string) {
  const network = memoryNetwork()
  const clock = new ManualClock()
  const lab = new Lab(network)
  const far = await memoryNode(network, { addresses: { listen: ['/memory/far'] } })
  const near = await memoryNode(network, { transports: [lab.transport()], addresses: {}, clock })
  near.peers.addAddresses(far.peerId, lab.map({ [address]: '/memory/far' }), { ttlMs: Infinity })
  near.peers.patch(far.peerId, { tags: { [tag]: 50 } })
  await near.dial(far.peerId)
  await until('both know of it', () => far.connections.list(near.peerId).length === 1)
  return { clock, lab, near, far }
}

test.each(['keep-alive', 'keep-alive:relay'])('a peer tagged %s is won back, ever less often', async (tag) => {
  const { clock, lab, near, far } = await laboratory(tag)
  lab.map({ [address]: 'refused' })
  for (const connection of far.connections.list()) connection.abort(new Error('gone'))
  await until('it is lost', () => near.connections.list().length === 0)
  const waits: number[] = []
  for (let tries = lab.started.length, since = clock.now(); waits.length < 12;) {
    await clock.advance(500)
    if (lab.started.length === tries) continue
    tries = lab.started.length
    waits.push(clock.now() - since)
    since = clock.now()
  }
  expect(waits.map((ms) => ms / 1000)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
  lab.map({ [address]: '/memory/far' })
  await clock.advance(300_000)
  await until('it is back', () => near.connections.list().length === 1)
  expect(near.inspect().counts.reconnecting).toBe(0)
})

test('a peer without the tag is let go', async () => {
  const { clock, lab, near, far } = await laboratory('precious')
  await far.hangUp(near.peerId)
  await until('it is lost', () => near.connections.list().length === 0)
  await clock.advance(600_000)
  expect(lab.started).toHaveLength(1)
})

test('a peer that comes back by itself, or loses its tag, is not dialled any more', async () => {
  const { clock, lab, near, far } = await laboratory('keep-alive')
  await far.hangUp(near.peerId)
  await until('it is being won back', () => near.inspect().counts.reconnecting === 1)
  await near.dial(far.peerId)
  expect(near.inspect().counts.reconnecting).toBe(0)
  await until('both know of it', () => far.connections.list(near.peerId).length === 1)
  await far.hangUp(near.peerId)
  await until('it is being won back', () => near.inspect().counts.reconnecting === 1)
  lab.map({ [address]: 'refused' })
  near.peers.patch(far.peerId, { tags: { 'keep-alive': undefined } })
  await clock.advance(600_000)
  expect(near.inspect().counts.reconnecting).toBe(0)
  expect(lab.started).toHaveLength(3)
})

test('stopping ends the attempts, and starting again resumes them', async () => {
  const { clock, lab, near, far } = await laboratory('keep-alive')
  await near.stop()
  await settle()
  expect(clock.pending).toBe(0)
  await clock.advance(600_000)
  expect(lab.started).toHaveLength(1)
  await near.start()
  await clock.advance(1)
  await until('it is back', () => near.connections.list(far.peerId).length === 1)
})

test('more lost peers than are won back at once all come back in the end', async () => {
  const network = memoryNetwork()
  const clock = new ManualClock()
  const lab = new Lab(network)
  const near = await memoryNode(network, { transports: [lab.transport()], addresses: {}, clock, start: false })
  const count = 150
  for (let at = 0; at < count; at++) {
    const far = await memoryNode(network, { addresses: { listen: [`/memory/far-${at}`] } })
    near.peers.addAddresses(far.peerId, lab.map({ [`/ip4/10.0.0.${at}/tcp/1`]: `/memory/far-${at}` }))
    near.peers.patch(far.peerId, { tags: { 'keep-alive': 1 } })
  }
  await near.start()
  await until('all are there', () => {
    void clock.advance(1000)
    return near.connections.list().length === count
  })
})
