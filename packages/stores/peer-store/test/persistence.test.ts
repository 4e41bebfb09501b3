import { ManualClock } from '@peerloom/conformance'
import { sealPeerRecord } from '@peerloom/identity'
import { MemoryDatastore } from 'datastore-core'
import { Key } from 'interface-datastore'
import { expect, test } from 'vitest'
import { address, newPeer, storeWith } from './peers.ts'

const keysOf = async (datastore: MemoryDatastore): Promise<string[]> => {
  const keys: string[] = []
  for await (const key of datastore.queryKeys({})) keys.push(key.toString())
  return keys
}

test('changes are gathered, written behind and found again by the next store', async () => {
  const datastore = new MemoryDatastore()
  const clock = new ManualClock()
  const { store } = await storeWith({ datastore, clock, writeDelayMs: 500 })
  const peer = await newPeer()
  const signed = await sealPeerRecord(peer.key, { seq: 7n, addresses: [address(2)] })
  store.addAddresses(peer.id, [address(1)], { ttlMs: 10_000 })
  store.patch(peer.id, {
    protocols: ['/a', '/b'],
    agentVersion: 'agent',
    protocolVersion: 'version',
    tags: { friend: 50, soon: { value: 3, ttlMs: 20_000 } },
    metadata: { key: Uint8Array.of(1, 2, 3) }
  })
  await store.consumeRecord(signed)
  await clock.advance(499)
  expect(await keysOf(datastore)).toEqual([])
  await clock.advance(1)
  expect(await keysOf(datastore)).toEqual([`/peers/${peer.id}`])

  const { store: next } = await storeWith({ datastore, clock })
  await next.load()
  const { id: _, ...before } = store.get(peer.id) as never as Record<string, unknown>
  const { id, ...after } = next.get(peer.id) as never as Record<string, unknown>
  expect(String(id)).toBe(peer.id.toString())
  expect(after).toEqual(before)
  await clock.advance(10_000)
  expect(next.get(peer.id)?.addresses).toHaveLength(1)
})

test('a peer that is deleted or evicted is deleted from the datastore', async () => {
  const datastore = new MemoryDatastore()
  const { store } = await storeWith({ datastore, maxPeers: 2 })
  const peers = await Promise.all([1, 2, 3].map(newPeer))
  for (const { id } of peers.slice(0, 2)) store.addAddresses(id, [address(1)])
  await store.flush()
  store.addAddresses(peers[2]?.id as never, [address(1)])
  store.delete(peers[1]?.id as never)
  await store.flush()
  expect(await keysOf(datastore)).toEqual([`/peers/${peers[2]?.id}`])
})

test('a flush writes at once and leaves no timer', async () => {
  const datastore = new MemoryDatastore()
  const { store, clock } = await storeWith({ datastore })
  store.addAddresses((await newPeer()).id, [address(1)])
  expect(clock.pending).toBe(1)
  await store.flush()
  expect(clock.pending).toBe(0)
  expect(await keysOf(datastore)).toHaveLength(1)
})

test('entries that are broken are deleted, the others are read', async () => {
  const datastore = new MemoryDatastore()
  const { store } = await storeWith({ datastore })
  const [good, cut] = [await newPeer(), await newPeer()]
  for (const { id } of [good, cut]) store.addAddresses(id, [address(1)])
  await store.flush()
  const whole = await datastore.get(new Key(`/peers/${cut.id}`))
  await datastore.put(new Key(`/peers/${cut.id}`), whole.subarray(0, whole.length - 3))
  await datastore.put(new Key('/peers/nonsense'), whole)
  await datastore.put(new Key(`/peers/${(await newPeer()).id}`), new Uint8Array(20).fill(0xff))
  await datastore.put(new Key(`/peers/${(await newPeer()).id}`), Uint8Array.of(8, 2)) // a format to come
  await datastore.put(new Key('/other'), whole)
  const { store: next } = await storeWith({ datastore })
  await next.load()
  expect([...next.all()].map(({ id }) => id.toString())).toEqual([good.id.toString()])
  expect((await keysOf(datastore)).toSorted()).toEqual(['/other', `/peers/${good.id}`].toSorted())
})

test('no more peers are read than are kept', async () => {
  const datastore = new MemoryDatastore()
  const { store } = await storeWith({ datastore })
  for (let at = 0; at < 20; at++) store.addAddresses((await newPeer()).id, [address(1)])
  await store.flush()
  const { store: next } = await storeWith({ datastore, maxPeers: 5 })
  await next.load()
  expect(next.size).toBe(5)
})

/** A datastore that fails as long as it is told to. */
class Failing extends MemoryDatastore {
  failing = true
  override batch(): ReturnType<MemoryDatastore['batch']> {
    const batch = super.batch()
    return {
      put: (key, value) => batch.put(key, value),
      delete: (key) => batch.delete(key),
      commit: async (options) => {
        if (this.failing) throw new Error('disk full')
        await batch.commit(options)
      }
    }
  }

  override async *query(...args: Parameters<MemoryDatastore['query']>): ReturnType<MemoryDatastore['query']> {
    if (this.failing) throw new Error('disk gone')
    yield* super.query(...args)
  }
}

test('a datastore that fails loses nothing in memory, and is tried again', async () => {
  const datastore = new Failing()
  const { store, clock } = await storeWith({ datastore, writeDelayMs: 100 })
  const { id } = await newPeer()
  store.addAddresses(id, [address(1)])
  await clock.advance(100) // nobody waits for this write, and nobody hears of its failure
  await expect(store.flush()).rejects.toMatchObject({ code: 'ERR_STORE', cause: { message: 'disk full' } })
  expect(store.get(id)?.addresses).toHaveLength(1)
  await expect(store.load()).rejects.toMatchObject({ code: 'ERR_STORE', cause: { message: 'disk gone' } })
  datastore.failing = false
  await store.flush()
  expect(await keysOf(datastore)).toEqual([`/peers/${id}`])
})

test('peers that come and go while the datastore fails do not pile up', async () => {
  const datastore = new Failing()
  const { store } = await storeWith({ datastore, maxPeers: 10 })
  for (let at = 0; at < 300; at++) {
    store.addAddresses((await newPeer()).id, [address(1)])
    if (at % 50 === 0) await store.flush().catch(() => {})
  }
  datastore.failing = false
  const batch = datastore.batch()
  let operations = 0
  datastore.batch = () => ({
    put: (key, value) => {
      operations++
      batch.put(key, value)
    },
    delete: (key) => {
      operations++
      batch.delete(key)
    },
    commit: (options) => batch.commit(options)
  })
  await store.flush()
  expect(operations).toBe(10)
  expect(await keysOf(datastore)).toHaveLength(10)
})

test('a peer that goes while it is being written is deleted with the next write', async () => {
  const datastore = new MemoryDatastore()
  const { store } = await storeWith({ datastore })
  const { id } = await newPeer()
  store.addAddresses(id, [address(1)])
  const writing = store.flush()
  await Promise.resolve()
  store.delete(id)
  await writing
  await store.flush()
  expect(await keysOf(datastore)).toEqual([])
})
