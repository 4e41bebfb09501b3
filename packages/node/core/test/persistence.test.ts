import { multiaddr } from '@multiformats/multiaddr'
import { createNode } from '@peerloom/core'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import { MemoryDatastore } from 'datastore-core'
import { expect, test } from 'vitest'

test('a node keeps its key and its address book in its datastore', async () => {
  const datastore = new MemoryDatastore()
  const friend = peerIdFromPrivateKey(await generateKey())
  const first = await createNode({ datastore })
  first.peers.addAddresses(friend, [multiaddr('/ip4/1.2.3.4/tcp/1')])
  await first.stop()
  const second = await createNode({ datastore })
  expect(second.peerId.toString()).toBe(first.peerId.toString())
  expect(second.peers.get(friend)?.addresses).toHaveLength(1)
  await second.stop()
})

test('a key that is given goes before the one that is kept, and is not kept', async () => {
  const datastore = new MemoryDatastore()
  const kept = await createNode({ datastore, start: false })
  const privateKey = await generateKey()
  const given = await createNode({ datastore, privateKey, start: false })
  expect(given.peerId.equals(peerIdFromPrivateKey(privateKey))).toBe(true)
  const again = await createNode({ datastore, start: false })
  expect(again.peerId.equals(kept.peerId)).toBe(true)
})

test('a key that is broken, or a datastore that fails, is told and not papered over with a new key', async () => {
  const datastore = new MemoryDatastore()
  await createNode({ datastore, start: false })
  const keys = []
  for await (const key of datastore.queryKeys({})) keys.push(key)
  expect(keys).toHaveLength(1)
  for (const key of keys) await datastore.put(key, Uint8Array.of(1, 2, 3))
  await expect(createNode({ datastore })).rejects.toMatchObject({ code: 'ERR_INVALID_KEY' })
  const fail = (): never => {
    throw new Error('disk gone')
  }
  Object.assign(datastore, { has: fail, get: fail })
  await expect(createNode({ datastore })).rejects.toMatchObject({ code: 'ERR_STORE', cause: { message: 'disk gone' } })
})

test('a snapshot of a node is plain data', async () => {
  const node = await createNode({ services: {} })
  const snapshot = node.inspect()
  expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot)
  expect(snapshot).toMatchObject({ peer: node.peerId.toString(), status: 'started', connections: [] })
  await node.stop()
})
