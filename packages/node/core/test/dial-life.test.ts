import { multiaddr } from '@multiformats/multiaddr'
import { ManualClock, settle, until } from '@peerloom/conformance'
import { defineModule, type PeerId, type PeerRouting } from '@peerloom/interface'
import { expect, test } from 'vitest'
import { Lab } from './lab-transport.ts'
import { memoryNetwork, memoryNode } from './nodes.ts'

async function laboratory() {
  const network = memoryNetwork()
  const clock = new ManualClock()
  const lab = new Lab(network)
  const far = await memoryNode(network, { addresses: { listen: ['/memory/far'] } })
  const near = await memoryNode(network, { transports: [lab.transport()], addresses: {}, clock })
  const know = (fates: Parameters<Lab['map']>[0]): void =>
    near.peers.addAddresses(far.peerId, lab.map(fates), { ttlMs: Infinity })
  return { network, clock, lab, near, far, know }
}

test('an address that failed is left alone for a while, longer each time', async () => {
  const { clock, lab, near, far, know } = await laboratory()
  know({ '/ip4/10.0.0.1/tcp/1': 'refused' })
  const tries = async (): Promise<number> => {
    await expect(near.dial(far.peerId)).rejects.toMatchObject({ code: 'ERR_DIAL' })
    return lab.started.length
  }
  expect(await tries()).toBe(1)
  await clock.advance(4999)
  expect(await tries()).toBe(1)
  await clock.advance(1)
  expect(await tries()).toBe(2)
  await clock.advance(5999)
  expect(await tries()).toBe(2)
  await clock.advance(1)
  expect(await tries()).toBe(3)
})

test('backing off is one address only, is told, and is passed over by force and by a given address', async () => {
  const { lab, near, far, know } = await laboratory()
  know({ '/ip4/10.0.0.1/tcp/1': 'refused' })
  await expect(near.dial(far.peerId)).rejects.toMatchObject({ code: 'ERR_DIAL' })
  await expect(near.dial(far.peerId)).rejects.toMatchObject({ attempts: [{ stage: 'connect', code: 'ERR_BACKOFF' }] })
  await expect(near.dial(far.peerId, { force: true })).rejects.toMatchObject({
    attempts: [{ code: 'ERR_ADDRESS_UNREACHABLE' }]
  })
  await expect(near.dial(`/ip4/10.0.0.1/tcp/1/p2p/${far.peerId}`)).rejects.toMatchObject({ code: 'ERR_DIAL' })
  expect(lab.started).toHaveLength(3)
  know({ '/ip4/10.0.0.2/tcp/1': '/memory/far' })
  await near.dial(far.peerId)
  expect(lab.started).toHaveLength(4)
})

test('an address that was called off is not held against it', async () => {
  const { clock, near, far, know } = await laboratory()
  know({ '/ip4/10.0.0.1/tcp/1': 'lost', '/ip4/10.0.0.2/tcp/1': '/memory/far' })
  const dialling = near.dial(far.peerId)
  await clock.advance(30)
  await dialling
  await near.hangUp(far.peerId)
  near.peers.delete(far.peerId)
  know({ '/ip4/10.0.0.1/tcp/1': '/memory/far' })
  await near.dial(far.peerId)
})

test('a hundred dials into a black hole close that way, but for a probe in ten', async () => {
  const { clock, lab, near, far } = await laboratory()
  for (let at = 0; at < 100; at++) {
    const [address] = lab.map({ [`/ip6/2001:db8::${at + 1}/tcp/1`]: 'refused' })
    await expect(near.dial(multiaddr(`${address}/p2p/${far.peerId}`))).rejects.toMatchObject({ code: 'ERR_DIAL' })
  }
  expect(lab.started).toHaveLength(100)
  near.peers.addAddresses(far.peerId, lab.map({ '/ip6/2001:db8::9999/tcp/1': 'refused' }), { ttlMs: Infinity })
  for (let at = 0; at < 20; at++) {
    await expect(near.dial(far.peerId)).rejects.toMatchObject({ code: 'ERR_DIAL' })
    await clock.advance(600_000)
  }
  expect(lab.started).toHaveLength(102)
  // IPv4 is another way.
  near.peers.addAddresses(far.peerId, lab.map({ '/ip4/1.1.1.1/tcp/1': '/memory/far' }), { ttlMs: Infinity })
  await near.dial(far.peerId)
})

test('dials to one peer that come together are one dial', async () => {
  const { lab, near, far, know } = await laboratory()
  know({ '/ip4/10.0.0.1/tcp/1': '/memory/far' })
  const abort = new AbortController()
  const dials = [near.dial(far.peerId), near.dial(far.peerId.toString()), near.dial(far.peerId, abort)]
  expect(near.inspect().counts.pendingDials).toBe(1)
  const [one, two, three] = await Promise.all(dials)
  expect(two).toBe(one)
  expect(three).toBe(one)
  expect(lab.started).toHaveLength(1)
  expect(await near.dial(far.peerId)).toBe(one)
})

test('one caller of a shared dial gives up without ending it for the others', async () => {
  const { near, far, lab, know } = await laboratory()
  know({ '/ip4/10.0.0.1/tcp/1': '/memory/far' })
  const abort = new AbortController()
  const [patient, hasty] = [near.dial(far.peerId), near.dial(far.peerId, abort)]
  abort.abort(new Error('enough'))
  await expect(hasty).rejects.toThrow('enough')
  await patient
  expect(lab.started).toHaveLength(1)
})

test('a shared dial that fails fails for all, and the next one starts anew', async () => {
  const { lab, near, far, know } = await laboratory()
  know({ '/ip4/10.0.0.1/tcp/1': 'refused' })
  const results = await Promise.allSettled([near.dial(far.peerId), near.dial(far.peerId)])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await expect(near.dial(far.peerId, { force: true })).rejects.toMatchObject({ code: 'ERR_DIAL' })
  expect(lab.started).toHaveLength(2)
})

test('force makes a second connection', async () => {
  const { near, far, know } = await laboratory()
  know({ '/ip4/10.0.0.1/tcp/1': '/memory/far' })
  const one = await near.dial(far.peerId)
  expect(await near.dial(far.peerId)).toBe(one)
  const two = await near.dial(far.peerId, { force: true })
  expect(two).not.toBe(one)
  expect(near.connections.list(far.peerId)).toEqual([one, two])
})

test.each(['lost', 'mute'] as const)('an abort ends a dial to a %s address at once', async (fate) => {
  const { lab, near, far, know } = await laboratory()
  know({ '/ip4/10.0.0.1/tcp/1': fate })
  const abort = new AbortController()
  const stages: string[] = []
  const dialling = near.dial(far.peerId, { signal: abort.signal, onProgress: ({ stage }) => stages.push(stage) })
  const failed = expect(dialling).rejects.toThrow('enough')
  await until('the attempt is under way', () => stages.at(-1) === (fate === 'mute' ? 'security' : 'connect'))
  abort.abort(new Error('enough'))
  await failed
  expect(lab.calledOff).toEqual(['/ip4/10.0.0.1/tcp/1'])
  await settle()
  expect(near.inspect().limits.transient.connectionsOutbound).toBe(0)
  expect(near.inspect().counts.pendingDials).toBe(0)
})

test('an abort ends a dial that waits for routing, or for a name; one before it starts nothing', async () => {
  const network = memoryNetwork()
  const lab = new Lab(network)
  const routing = defineModule<PeerRouting>({
    name: 'silent-routing',
    create: () => ({ findPeer: (): Promise<never> => new Promise(() => {}), closestPeers: async function* () {} })
  })
  const near = await memoryNode(network, {
    transports: [lab.transport()],
    peerRouting: [routing],
    dns: { lookup: () => new Promise(() => {}), txt: () => new Promise(() => {}) }
  })
  const far = await memoryNode(network)
  for (const target of [far.peerId as PeerId, `/dns4/a.example/tcp/1/p2p/${far.peerId}`]) {
    const abort = new AbortController()
    const dialling = near.dial(target, abort)
    abort.abort(new Error('enough'))
    await expect(dialling).rejects.toThrow('enough')
    await expect(near.dial(target, abort)).rejects.toThrow('enough')
  }
  expect(lab.started).toEqual([])
  expect(near.inspect().counts.pendingDials).toBe(0)
})

test('a dial that takes too long ends with its bound, whatever it waits for', async () => {
  const { clock, near, far, know } = await laboratory()
  know({ '/ip4/10.0.0.1/tcp/1': 'mute' })
  const dialling = near.dial(far.peerId, { timeoutMs: 1234 })
  const failed = expect(dialling).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  await clock.advance(1234)
  await failed
  expect(clock.pending).toBe(0)
})
