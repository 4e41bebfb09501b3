import { multiaddr } from '@multiformats/multiaddr'
import { generateKey, peerIdFromBytes, peerIdFromPublicKey } from '@peerloom/identity'
import type { PeerEntry } from '@peerloom/interface'
import { expect, test } from 'vitest'
import { address, hashedPeer, newPeer, storeWith } from './peers.ts'

const texts = (entry: PeerEntry | undefined): string[] =>
  entry?.addresses.map((known) => known.address.toString()) ?? []

test('peers are bounded: the least recently used goes first', async () => {
  const { store } = await storeWith({ maxPeers: 3 })
  const peers = await Promise.all([1, 2, 3, 4].map(newPeer))
  const [one, two, three, four] = peers.map(({ id }) => id) as [never, never, never, never]
  for (const id of [one, two, three]) store.addAddresses(id, [address(1)])
  store.addAddresses(one, [address(2)])
  store.addAddresses(four, [address(1)])
  expect(store.size).toBe(3)
  expect([one, two, three, four].map((id) => store.get(id) !== undefined)).toEqual([true, false, true, true])
})

test('connected peers are never dropped, tagged ones only before nothing else is left', async () => {
  const { store } = await storeWith({ maxPeers: 3 })
  const peers = await Promise.all(Array.from({ length: 6 }, newPeer))
  const ids = peers.map(({ id }) => id)
  const [connected, tagged, plain, ...others] = ids as [never, never, never, ...never[]]
  store.setConnected(connected, true)
  store.patch(tagged, { tags: { friend: 1 } })
  store.addAddresses(plain, [address(1)])
  const here = (): boolean[] => [connected, tagged, plain].map((id) => store.get(id) !== undefined)
  store.addAddresses(others[0] as never, [address(1)])
  expect(here()).toEqual([true, true, false])
  store.setConnected(others[0] as never, true)
  store.addAddresses(others[1] as never, [address(1)])
  expect(here()).toEqual([true, false, false])
  store.setConnected(others[1] as never, true)
  store.setConnected(others[2] as never, true)
  expect(store.size).toBe(4)
})

test('a node has no entry of its own', async () => {
  const { store, self } = await storeWith()
  store.addAddresses(self.id, [address(1)])
  store.patch(self.id, { agentVersion: 'me' })
  store.setConnected(self.id, true)
  expect([store.size, store.get(self.id)]).toEqual([0, undefined])
})

test('addresses are bounded: those that last longer stay, certified ones longest', async () => {
  const { store } = await storeWith({ maxAddresses: 3 })
  const { id } = await newPeer()
  store.addAddresses(id, [address(1)], { ttlMs: 1000 })
  store.addAddresses(id, [address(2), address(3)], { ttlMs: 3000 })
  store.addAddresses(id, [address(4)], { ttlMs: 500 })
  expect(texts(store.get(id))).toEqual([1, 2, 3].map((port) => address(port).toString()))
  store.addAddresses(id, [address(5)], { ttlMs: 2000 })
  expect(texts(store.get(id))).toEqual([2, 3, 5].map((port) => address(port).toString()))
  store.addAddresses(
    id,
    Array.from({ length: 1000 }, (_, at) => address(at + 10)),
    { ttlMs: 100_000 }
  )
  expect(store.get(id)?.addresses).toHaveLength(3)
})

test('an address is kept once, without the peer’s own name, and for the longer time', async () => {
  const { store, clock } = await storeWith()
  const { id } = await newPeer()
  const other = (await newPeer()).id
  store.addAddresses(id, [address(1), multiaddr(`${address(1)}/p2p/${id}`)], { ttlMs: 5000 })
  store.addAddresses(id, [address(1)], { ttlMs: 1000 })
  store.addAddresses(id, [multiaddr(`${address(1)}/p2p/${other}/p2p-circuit`)], { ttlMs: 5000 })
  expect(texts(store.get(id))).toEqual([address(1).toString(), `${address(1)}/p2p/${other}/p2p-circuit`])
  await clock.advance(4999)
  expect(texts(store.get(id))).toHaveLength(2)
})

test('protocols, names and versions are bounded', async () => {
  const { store } = await storeWith({ maxProtocols: 5, maxNameBytes: 10 })
  const { id } = await newPeer()
  store.patch(id, {
    protocols: ['/a', '/a', 'x'.repeat(11), 'ü'.repeat(6), ...Array.from({ length: 10 }, (_, at) => `/${at}`)],
    agentVersion: 'y'.repeat(11),
    protocolVersion: 'ok'
  })
  expect(store.get(id)).toMatchObject({
    protocols: ['/a', '/0', '/1', '/2', '/3'],
    agentVersion: undefined,
    protocolVersion: 'ok'
  })
})

test('tags are bounded in number, name and value', async () => {
  const { store } = await storeWith({ maxTags: 2, maxNameBytes: 10 })
  const { id } = await newPeer()
  store.patch(id, { tags: { low: -5, high: 1000, third: 1, [`long${'x'.repeat(10)}`]: 1 } })
  expect([...(store.get(id)?.tags ?? [])].map(([name, { value }]) => [name, value])).toEqual([
    ['low', 0],
    ['high', 100]
  ])
  store.patch(id, { tags: { high: undefined } })
  store.patch(id, { tags: { third: 1.6, low: Number.NaN } })
  expect([...(store.get(id)?.tags ?? [])].map(([name, { value }]) => [name, value])).toEqual([
    ['low', 0],
    ['third', 2]
  ])
})

test('metadata is bounded in bytes, keys included', async () => {
  const { store } = await storeWith({ maxMetadataBytes: 100 })
  const { id } = await newPeer()
  store.patch(id, { metadata: { one: new Uint8Array(97) } })
  store.patch(id, { metadata: { two: new Uint8Array(0) } })
  expect([...(store.get(id)?.metadata.keys() ?? [])]).toEqual(['one'])
  store.patch(id, { metadata: { one: new Uint8Array(50) } })
  store.patch(id, { metadata: { two: new Uint8Array(44) } })
  expect([...(store.get(id)?.metadata.keys() ?? [])]).toEqual(['one', 'two'])
  store.patch(id, { metadata: { one: undefined } })
  expect([...(store.get(id)?.metadata.keys() ?? [])]).toEqual(['two'])
})

test('what is given and what is got share no bytes that are written later', async () => {
  const { store } = await storeWith()
  const { id } = await newPeer()
  const value = Uint8Array.of(1)
  store.patch(id, { metadata: { key: value } })
  value[0] = 9
  expect(store.get(id)?.metadata.get('key')).toEqual(Uint8Array.of(1))
  const before = store.get(id)
  expect(store.get(id)).toBe(before)
  store.patch(id, { agentVersion: 'x' })
  expect(before?.agentVersion).toBeUndefined()
  expect(store.get(id)?.agentVersion).toBe('x')
  expect(Object.isFrozen(before)).toBe(true)
})

test('of tagged peers the lowest goes, once nothing else is left', async () => {
  const { store } = await storeWith({ maxPeers: 3 })
  const [high, low, middle, next] = [1, 2, 3, 4].map((at) => hashedPeer(at)) as [never, never, never, never]
  store.patch(high, { tags: { a: 50, b: 20 } })
  store.patch(low, { tags: { a: 10 } })
  store.patch(middle, { tags: { a: 60 } })
  store.addAddresses(next, [address(1)])
  expect([high, low, middle, next].map((id) => store.get(id) !== undefined)).toEqual([true, false, true, true])
})

test('a tag that has expired keeps no peer', async () => {
  const { store, clock } = await storeWith({ maxPeers: 2 })
  const [lasting, short, next] = [1, 2, 3].map((at) => hashedPeer(at)) as [never, never, never]
  store.patch(lasting, { tags: { a: 1 } })
  store.patch(short, { tags: { a: { value: 100, ttlMs: 1000 } } })
  await clock.advance(1000)
  store.addAddresses(next, [address(1)])
  expect([lasting, short, next].map((id) => store.get(id) !== undefined)).toEqual([true, false, true])
})

test('looking a peer up is a use', async () => {
  const { store } = await storeWith({ maxPeers: 2 })
  const [one, two, three] = [1, 2, 3].map((at) => hashedPeer(at)) as [never, never, never]
  for (const id of [one, two]) store.addAddresses(id, [address(1)])
  store.get(one)
  store.addAddresses(three, [address(1)])
  expect([one, two].map((id) => store.get(id) !== undefined)).toEqual([true, false])
})

test('all peers together are bounded in bytes; what connected and tagged ones fill is theirs', async () => {
  const { store } = await storeWith({ maxBytes: 200_000 })
  const [connected, tagged] = [hashedPeer(1), hashedPeer(2)]
  store.setConnected(connected, true)
  store.patch(tagged, { tags: { friend: 1 } })
  const protocols = (peer: number): string[] => Array.from({ length: 1000 }, (_, at) => `/protocol/${peer}/${at}`)
  for (const [at, id] of [connected, tagged].entries()) store.patch(id, { protocols: protocols(at) })
  for (let at = 10; at < 100; at++) store.patch(hashedPeer(at), { protocols: protocols(at) })
  expect(store.size).toBeLessThan(8)
  expect([connected, tagged, hashedPeer(99)].map((id) => store.get(id)?.protocols.length)).toEqual([1000, 1000, 1000])
  for (let at = 10; at < 100; at++) store.addAddresses(hashedPeer(at), [address(1)])
  expect(store.size).toBeGreaterThan(10)
  // An entry that is given up gives its bytes back.
  for (const { id } of store.all()) store.delete(id)
  for (let at = 0; at < 100; at++) store.addAddresses(hashedPeer(at), [address(1)])
  expect(store.size).toBe(100)
})

test('an address over the bound is left out', async () => {
  const { store } = await storeWith({ maxAddressBytes: 20 })
  const id = hashedPeer(1)
  store.addAddresses(id, [multiaddr(`/dns4/${'x'.repeat(20)}/tcp/1`), address(1)])
  expect(texts(store.get(id))).toEqual([address(1).toString()])
})

test('a metadata key is a name, and bounded as one', async () => {
  const { store } = await storeWith({ maxNameBytes: 10 })
  const id = hashedPeer(1)
  store.patch(id, { metadata: { [`k${'x'.repeat(10)}`]: new Uint8Array(1), ok: new Uint8Array(1) } })
  expect([...(store.get(id)?.metadata.keys() ?? [])]).toEqual(['ok'])
})

test('the key of another peer is refused', async () => {
  const { store } = await storeWith()
  const { publicKey } = await generateKey('ECDSA')
  const hashed = peerIdFromBytes(peerIdFromPublicKey(publicKey).bytes)
  for (const other of [await generateKey(), await generateKey('ECDSA')]) {
    expect(() => store.patch(hashed, { publicKey: other.publicKey })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' })
    )
  }
  expect(store.get(hashed)?.publicKey).toBeUndefined()
  store.patch(hashed, { publicKey })
  expect(store.get(hashed)?.publicKey?.equals(publicKey)).toBe(true)
})

test.each([Number.NaN, 0, -1])('a bound of %s is refused', async (maxPeers) => {
  await expect(storeWith({ maxPeers })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
})

test.each([Number.NaN, -1])('a time of %s is refused', async (ttlMs) => {
  const { store } = await storeWith()
  const id = hashedPeer(1)
  for (const call of [
    () => store.addAddresses(id, [address(1)], { ttlMs }),
    () => store.patch(id, { tags: { a: { value: 1, ttlMs } } })
  ]) {
    expect(call).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }))
  }
})

test('peers that speak the same share the list, and a list that only looks the same is not taken for it', async () => {
  const { store } = await storeWith()
  const [one, two, three] = [1, 2, 3].map((at) => hashedPeer(at)) as [never, never, never]
  store.patch(one, { protocols: ['/a', '/b,/c'] })
  store.patch(two, { protocols: ['/a', '/b,/c'] })
  store.patch(three, { protocols: ['/a', '/b', '/c'] })
  expect(store.get(two)?.protocols).toBe(store.get(one)?.protocols)
  expect(store.get(three)?.protocols).toEqual(['/a', '/b', '/c'])
  for (let at = 0; at < 1000; at++) store.patch(hashedPeer(at + 10), { protocols: [`/${at}`] })
  store.patch(hashedPeer(5), { protocols: ['/a', '/b,/c'] })
  expect(store.get(hashedPeer(5))?.protocols).toEqual(['/a', '/b,/c'])
})
