import { multiaddr } from '@multiformats/multiaddr'
import { createNode } from '@peerloom/core'
import { generateKey } from '@peerloom/identity'
import {
  type Capability,
  defineModule,
  identityKeyCapability,
  type Module,
  type PeerDiscovery,
  peerDiscoveryCapability,
  type PeerRouting,
  peerRoutingCapability
} from '@peerloom/interface'
import { expect, expectTypeOf, test } from 'vitest'

const clockCapability: Capability<{ readonly hour: number }> = {
  name: 'wall-clock',
  hint: "import { wallClock } from '@example/wall-clock'"
}

interface Parts {
  readonly made: string[]
}

const wallClock = ({ made }: Parts): Module<{ readonly hour: number }> =>
  defineModule({
    name: '@example/wall-clock',
    provides: [clockCapability],
    create: () => ({ hour: made.push('clock') })
  })

const alarm = ({ made }: Parts): Module<{ readonly clock: { readonly hour: number } }> =>
  defineModule({
    name: '@example/alarm',
    needs: [clockCapability],
    create: (node) => {
      made.push('alarm')
      return { clock: node.capability(clockCapability) }
    }
  })

/** Stands for a routing table that also discovers peers. */
function table(parts: Parts, options?: object): Module<PeerDiscovery & PeerRouting> {
  return defineModule({
    name: '@example/table',
    options,
    provides: [peerDiscoveryCapability, peerRoutingCapability],
    create: () => {
      parts.made.push('table')
      return {
        onPeer: undefined,
        start: () => void parts.made.push('start'),
        stop: () => void parts.made.push('stop'),
        findPeer: (): Promise<never> => Promise.reject(new Error('not here')),
        closestPeers: async function* () {}
      }
    }
  })
}

test('services stand on the node under their names, with their types', async () => {
  const node = await createNode({
    start: false,
    services: {
      three: defineModule({ name: 'three', create: () => 3 as const }),
      alarm: alarm({ made: [] }),
      clock: wallClock({ made: [] })
    }
  })
  expectTypeOf(node.services.three).toEqualTypeOf<3>()
  expectTypeOf(node.services.alarm.clock.hour).toEqualTypeOf<number>()
  expectTypeOf(node.services).toHaveProperty('clock')
  expectTypeOf(node.services).not.toHaveProperty('four')
  expect(node.services.three).toBe(3)
  const bare = await createNode({ start: false })
  expect(bare.services).toEqual({})
})

test('a module gets what it needs, whatever the order of the list', async () => {
  const parts: Parts = { made: [] }
  const node = await createNode({ start: false, services: { alarm: alarm(parts), clock: wallClock(parts) } })
  expect(parts.made).toEqual(['clock', 'alarm'])
  expect(node.services.alarm.clock).toBe(node.services.clock)
})

test('a missing module is named with the import line that adds it', async () => {
  await expect(createNode({ services: { alarm: alarm({ made: [] }) } })).rejects.toMatchObject({
    code: 'ERR_MISSING_MODULE',
    message: "@example/alarm needs wall-clock, which no module offers: import { wallClock } from '@example/wall-clock'"
  })
})

test('a module that did not name its need does not get it', async () => {
  const sneaky = defineModule({ name: 'sneaky', create: (node) => node.capability(clockCapability) })
  await expect(createNode({ services: { clock: wallClock({ made: [] }), sneaky } })).rejects.toMatchObject({
    code: 'ERR_MISSING_MODULE'
  })
})

test('modules that need each other in a circle are named', async () => {
  const left: Capability<unknown> = { name: 'left', hint: '' }
  const right: Capability<unknown> = { name: 'right', hint: '' }
  const one = defineModule({ name: 'one', needs: [right], provides: [left], create: () => 1 })
  const two = defineModule({ name: 'two', needs: [left], provides: [right], create: () => 2 })
  await expect(createNode({ services: { one, two } })).rejects.toMatchObject({
    code: 'ERR_MODULE_CONFLICT',
    message: expect.stringContaining('one -> two -> one') as string
  })
})

test('one module in several lists is built and started once', async () => {
  const parts: Parts = { made: [] }
  const shared = table(parts)
  const node = await createNode({ peerDiscovery: [shared], peerRouting: [shared], services: { table: shared } })
  await node.stop()
  expect(parts.made).toEqual(['table', 'start', 'stop'])
})

test('a module named twice, once with its options, is one', async () => {
  const parts: Parts = { made: [] }
  const node = await createNode({
    peerDiscovery: [table(parts)],
    services: { table: table(parts, { size: 20 }) }
  })
  expect(node.services.table.onPeer).toBeTypeOf('function')
  await node.stop()
  expect(parts.made).toEqual(['table', 'start', 'stop'])
})

test('twins with different options are refused', async () => {
  const parts: Parts = { made: [] }
  await expect(
    createNode({ peerDiscovery: [table(parts, { size: 1 })], services: { table: table(parts, { size: 2 }) } })
  ).rejects.toMatchObject({ code: 'ERR_MODULE_CONFLICT' })
})

test('two services of one kind are two, and one of them may stand in another list as well', async () => {
  const parts: Parts = { made: [] }
  const [lan, wan] = [table(parts, { net: 'lan' }), table(parts, { net: 'wan' })]
  const node = await createNode({ start: false, peerRouting: [wan], services: { lan, wan } })
  expect(parts.made).toEqual(['table', 'table'])
  expect(node.services.lan).not.toBe(node.services.wan)
})

test('services that discover and route are used without being named again', async () => {
  const parts: Parts = { made: [] }
  const found: unknown[] = []
  const node = await createNode({ services: { table: table(parts) }, autoDialBelow: 0 })
  node.events.on('peer:discovery', (peer) => found.push(peer))
  const other = await createNode({ start: false })
  node.services.table.onPeer?.({ id: other.peerId, addresses: [] })
  node.services.table.onPeer?.({ id: node.peerId, addresses: [] })
  expect(found).toEqual([{ id: other.peerId, addresses: [] }])
  await expect(node.routing.findPeer(other.peerId)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
  await node.stop()
})

test('the identity key goes to the module that names it among its needs, and to no other', async () => {
  const privateKey = await generateKey()
  const make = (needs: readonly Capability<unknown>[]) =>
    defineModule({ name: 'engine', needs, create: (node) => ({ key: node.capability(identityKeyCapability) }) })
  const node = await createNode({ privateKey, start: false, services: { engine: make([identityKeyCapability]) } })
  expect(node.services.engine.key).toBe(privateKey)
  await expect(createNode({ start: false, services: { engine: make([]) } })).rejects.toMatchObject({
    code: 'ERR_MISSING_MODULE'
  })
})

test('what discovery says of a peer is heeded: how long its addresses last, and that it is not to be dialled', async () => {
  const parts: Parts = { made: [] }
  const node = await createNode({ services: { table: table(parts) } })
  const [left, other] = [await createNode({ start: false }), await createNode({ start: false })]
  const addresses = [multiaddr('/memory/17')]
  const before = Date.now()
  node.services.table.onPeer?.({ id: left.peerId, addresses, ttlMs: 5000, dial: false })
  expect(node.inspect().counts.pendingDials).toBe(0)
  const expiresAt = node.peers.get(left.peerId)?.addresses[0]?.expiresAt ?? 0
  expect(expiresAt).toBeGreaterThanOrEqual(before + 5000)
  expect(expiresAt).toBeLessThan(before + 3_600_000)
  node.services.table.onPeer?.({ id: other.peerId, addresses })
  expect(node.inspect().counts.pendingDials).toBe(1)
  await node.stop()
})
