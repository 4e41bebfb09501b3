import { ManualClock } from '@peerloom/conformance'
import { sealPeerRecord } from '@peerloom/identity'
import type { PeerEntry } from '@peerloom/interface'
import { MemoryDatastore } from 'datastore-core'
import { Key } from 'interface-datastore'
import { expect, test } from 'vitest'
import { address, hashedPeer, newPeer, storeWith } from './peers.ts'

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
  // The first write loads what makes keys.
  await expect.poll(() => keysOf(datastore), { timeout: 5000 }).toEqual([`/peers/${peer.id}`])

  const { store: next } = await storeWith({ datastore, clock })
  await next.load()
  const [before, after] = [store.get(peer.id), next.get(peer.id)] as [PeerEntry, PeerEntry]
  expect(after.id.toString()).toBe(peer.id.toString())
  expect({ ...after, id: undefined }).toEqual({ ...before, id: undefined })
  expect(after.addresses).toHaveLength(2)
  expect(after.addresses).toEqual(before.addresses)
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

/** Notes how many operations each batch has. */
class Counting extends MemoryDatastore {
  readonly batches: number[] = []
  override batch(): ReturnType<MemoryDatastore['batch']> {
    const batch = super.batch()
    let operations = 0
    return {
      put: (key, value) => {
        operations++
        batch.put(key, value)
      },
      delete: (key) => {
        operations++
        batch.delete(key)
      },
      commit: async (options) => {
        this.batches.push(operations)
        await batch.commit(options)
      }
    }
  }
}

test('nothing is written when nothing changed', async () => {
  const datastore = new Counting()
  const { store, clock } = await storeWith({ datastore })
  const peer = await newPeer()
  const signed = await sealPeerRecord(peer.key, { seq: 7n, addresses: [address(2)] })
  const tell = async (): Promise<void> => {
    store.addAddresses(peer.id, [address(1)])
    store.patch(peer.id, {
      publicKey: peer.key.publicKey,
      protocols: ['/a', '/b'],
      agentVersion: 'agent',
      tags: { friend: 50 },
      metadata: { key: Uint8Array.of(1) }
    })
    await store.consumeRecord(signed, { expected: peer.id })
    await store.consumeRecord(signed)
  }
  await tell()
  await store.flush()
  await tell()
  store.get(peer.id)
  expect(clock.pending).toBe(0)
  await store.flush()
  expect(datastore.batches).toEqual([1])
})

test('many peers are written and read in parts, and others get their turn in between', async () => {
  const datastore = new Counting()
  const { store } = await storeWith({ datastore })
  for (let at = 0; at < 1000; at++) store.addAddresses(hashedPeer(at), [address(1)])
  let [writing, turns] = [true, 0]
  const count = (): void => {
    turns++
    if (writing) setImmediate(count)
  }
  setImmediate(count)
  await store.flush()
  expect(Math.max(...datastore.batches)).toBeLessThanOrEqual(64)
  expect(turns).toBeGreaterThanOrEqual(1000 / 64 - 1)
  expect(await keysOf(datastore)).toHaveLength(1000)
  turns = 0
  const { store: next } = await storeWith({ datastore })
  await next.load()
  writing = false
  expect(next.size).toBe(1000)
  expect(turns).toBeGreaterThanOrEqual(1000 / 64 - 1)
})

test('a failure in the middle of a long write loses nothing', async () => {
  const datastore = new Failing()
  const { store } = await storeWith({ datastore })
  for (let at = 0; at < 200; at++) store.addAddresses(hashedPeer(at), [address(1)])
  datastore.failing = false
  const writing = store.flush()
  setImmediate(() => (datastore.failing = true))
  await expect(writing).rejects.toMatchObject({ code: 'ERR_STORE' })
  expect((await keysOf(datastore)).length).toBeLessThan(200)
  datastore.failing = false
  await store.flush()
  expect(await keysOf(datastore)).toHaveLength(200)
})

test('peers of whom all has expired are not read, and deleted', async () => {
  const datastore = new MemoryDatastore()
  const { store, clock } = await storeWith({ datastore })
  store.addAddresses(hashedPeer(1), [address(1)], { ttlMs: 1000 })
  store.addAddresses(hashedPeer(2), [address(1)], { ttlMs: 3000 })
  await store.flush()
  await clock.advance(1000)
  const { store: next } = await storeWith({ datastore, clock })
  await next.load()
  expect([...next.all()].map(({ id }) => id.toString())).toEqual([hashedPeer(2).toString()])
  expect(await keysOf(datastore)).toEqual([`/peers/${hashedPeer(2)}`])
})

test('what is known already is not replaced by what is read', async () => {
  const datastore = new MemoryDatastore()
  const { store } = await storeWith({ datastore })
  store.patch(hashedPeer(1), { agentVersion: 'old' })
  store.patch(hashedPeer(1), { tags: { a: 1 } })
  await store.flush()
  const { store: next } = await storeWith({ datastore })
  next.patch(hashedPeer(1), { agentVersion: 'new' })
  await next.load()
  expect(next.get(hashedPeer(1))?.agentVersion).toBe('new')
})

test('ten thousand peers come and go, and nothing is left of them', async () => {
  const datastore = new Counting()
  const { store, clock } = await storeWith({ datastore, writeDelayMs: 100 })
  for (let at = 0; at < 10_000; at++) {
    const id = hashedPeer(at)
    store.setConnected(id, true)
    store.addAddresses(id, [address(1 + (at % 60_000))], { ttlMs: 1000 })
    store.patch(id, { protocols: ['/a', `/${at}`], tags: { a: 1 }, metadata: { key: new Uint8Array(100) } })
    if (at % 1000 === 0) await clock.advance(100)
    store.setConnected(id, false)
    store.delete(id)
  }
  await store.flush()
  expect(store.size).toBe(0)
  expect(clock.pending).toBe(0)
  expect(await keysOf(datastore)).toEqual([])
  // Nothing waits to be written of those that went.
  datastore.batches.length = 0
  await store.flush()
  expect(datastore.batches).toEqual([])
})

test('twenty thousand peers that are only heard of fill no more than the bound', async () => {
  const datastore = new Counting()
  const { store } = await storeWith({ datastore, maxPeers: 100 })
  for (let at = 0; at < 20_000; at++) store.addAddresses(hashedPeer(at), [address(1)])
  await store.flush()
  expect(store.size).toBe(100)
  expect(await keysOf(datastore)).toHaveLength(100)
  expect(datastore.batches.reduce((sum, operations) => sum + operations, 0)).toBe(100)
})
