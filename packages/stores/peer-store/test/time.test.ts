import type { PeerEntry } from '@peerloom/interface'
import { expect, test } from 'vitest'
import { address, newPeer, storeWith } from './peers.ts'

const ports = (entry: PeerEntry | undefined): string[] =>
  entry?.addresses.map((known) => known.address.toString().split('/').at(-1) ?? '') ?? []

test('an address is believed for an hour unless it is said otherwise', async () => {
  const { store, clock } = await storeWith()
  const { id } = await newPeer()
  store.addAddresses(id, [address(1)])
  store.addAddresses(id, [address(2)], { ttlMs: 1000 })
  store.addAddresses(id, [address(3)], { ttlMs: Infinity })
  await clock.advance(999)
  expect(ports(store.get(id))).toEqual(['1', '2', '3'])
  await clock.advance(1)
  expect(ports(store.get(id))).toEqual(['1', '3'])
  await clock.advance(3_599_000)
  expect(ports(store.get(id))).toEqual(['3'])
  await clock.advance(1e12)
  expect(ports(store.get(id))).toEqual(['3'])
})

test('seeing an address again prolongs it, and never shortens it', async () => {
  const { store, clock } = await storeWith()
  const { id } = await newPeer()
  store.addAddresses(id, [address(1)], { ttlMs: 5000 })
  store.addAddresses(id, [address(1)], { ttlMs: 1000 })
  await clock.advance(4000)
  store.addAddresses(id, [address(1)], { ttlMs: 5000 })
  await clock.advance(4999)
  expect(ports(store.get(id))).toEqual(['1'])
  await clock.advance(1)
  expect(ports(store.get(id))).toEqual([])
})

test('an address that is seen again early in its time is not prolonged, one that is given for ever is', async () => {
  const { store, clock } = await storeWith()
  const { id } = await newPeer()
  store.addAddresses(id, [address(1)], { ttlMs: 16_000 })
  const before = store.get(id)
  await clock.advance(1000)
  store.addAddresses(id, [address(1)], { ttlMs: 16_000 })
  expect(store.get(id)).toBe(before)
  await clock.advance(1)
  store.addAddresses(id, [address(1)], { ttlMs: 16_000 })
  expect(store.get(id)?.addresses[0]?.expiresAt).toBe(clock.now() + 16_000)
  for (const ttlMs of [Infinity, 1000, Number.MAX_VALUE]) store.addAddresses(id, [address(1)], { ttlMs })
  expect(store.get(id)?.addresses[0]?.expiresAt).toBe(Infinity)
})

test('nothing expires while the peer is connected, and all is believed for an hour afterwards', async () => {
  const { store, clock } = await storeWith()
  const { id } = await newPeer()
  store.setConnected(id, true)
  store.addAddresses(id, [address(1)], { ttlMs: 10 })
  await clock.advance(1e9)
  expect(store.get(id)?.addresses).toMatchObject([{ expiresAt: Infinity }])
  store.setConnected(id, false)
  await clock.advance(3_599_999)
  expect(ports(store.get(id))).toEqual(['1'])
  await clock.advance(1)
  expect(ports(store.get(id))).toEqual([])
})

test('a peer of whom nothing is known is forgotten when it leaves', async () => {
  const { store } = await storeWith()
  const { id } = await newPeer()
  store.setConnected(id, true)
  expect(store.size).toBe(1)
  store.setConnected(id, false)
  expect(store.size).toBe(0)
})

test('tags expire, and can be set for ever', async () => {
  const { store, clock } = await storeWith()
  const { id } = await newPeer()
  store.patch(id, { tags: { short: { value: 1, ttlMs: 100 }, long: 2, ever: { value: 3 } } })
  await clock.advance(100)
  expect([...(store.get(id)?.tags.keys() ?? [])]).toEqual(['long', 'ever'])
  await clock.advance(1e12)
  expect([...(store.get(id)?.tags.keys() ?? [])]).toEqual(['long', 'ever'])
})
