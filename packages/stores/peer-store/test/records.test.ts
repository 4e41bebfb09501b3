import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { sealEnvelope, sealPeerRecord } from '@peerloom/identity'
import type { PeerEntry } from '@peerloom/interface'
import { expect, test } from 'vitest'
import { address, newPeer, type Peer, storeWith } from './peers.ts'

const record = (peer: Peer, seq: bigint, addresses: readonly Multiaddr[]): Promise<Uint8Array> =>
  sealPeerRecord(peer.key, { seq, addresses })
const list = (entry: PeerEntry | undefined): string[] =>
  entry?.addresses.map((known) => `${known.address.toString().split('/').at(-1)}${known.certified ? '!' : ''}`) ?? []

test('a record makes its addresses the certified ones', async () => {
  const { store } = await storeWith()
  const peer = await newPeer()
  store.addAddresses(peer.id, [address(1), address(2)])
  const envelope = await record(peer, 5n, [address(2), address(3)])
  expect(await store.consumeRecord(envelope)).toBe(true)
  expect(list(store.get(peer.id))).toEqual(['1', '2!', '3!'])
  expect(store.get(peer.id)).toMatchObject({ recordSeq: 5n, signedRecord: envelope })
  expect(store.get(peer.id)?.publicKey?.equals(peer.key.publicKey)).toBe(true)
})

test('a newer record takes the place of an older one, whose addresses are stale', async () => {
  const { store } = await storeWith()
  const peer = await newPeer()
  store.addAddresses(peer.id, [address(9)])
  await store.consumeRecord(await record(peer, 5n, [address(1), address(2)]))
  expect(await store.consumeRecord(await record(peer, 6n, [address(2), address(3)]))).toBe(true)
  expect(list(store.get(peer.id))).toEqual(['9', '2!', '3!'])
  expect(await store.consumeRecord(await record(peer, 5n, [address(4)]))).toBe(false)
  expect(await store.consumeRecord(await record(peer, 6n, [address(4)]))).toBe(false)
  expect(list(store.get(peer.id))).toEqual(['9', '2!', '3!'])
})

test('a record without addresses takes the certified ones away', async () => {
  const { store } = await storeWith()
  const peer = await newPeer()
  await store.consumeRecord(await record(peer, 1n, [address(1)]))
  expect(await store.consumeRecord(await record(peer, 2n, []))).toBe(true)
  expect(store.get(peer.id)?.addresses).toEqual([])
})

test('the very record that is known is no news, but keeps its addresses alive', async () => {
  const { store, clock } = await storeWith()
  const peer = await newPeer()
  const envelope = await record(peer, 1n, [address(1)])
  await store.consumeRecord(envelope, { ttlMs: 1000 })
  await clock.advance(900)
  expect(await store.consumeRecord(envelope, { ttlMs: 1000 })).toBe(true)
  await clock.advance(900)
  expect(list(store.get(peer.id))).toEqual(['1!'])
  await clock.advance(5000)
  expect(list(store.get(peer.id))).toEqual([])
  expect(await store.consumeRecord(envelope, { ttlMs: 1000 })).toBe(true)
  expect(list(store.get(peer.id))).toEqual(['1!'])
})

test('a record of another peer than the expected one is refused, and leaves no entry', async () => {
  const { store } = await storeWith()
  const [peer, other] = [await newPeer(), await newPeer()]
  expect(await store.consumeRecord(await record(other, 1n, [address(1)]), { expected: peer.id })).toBe(false)
  expect(store.size).toBe(0)
})

test('a record of our own is not taken', async () => {
  const { store, self } = await storeWith()
  expect(await store.consumeRecord(await record(self, 1n, [address(1)]))).toBe(false)
  expect(store.size).toBe(0)
})

test('every flipped bit of a record is refused', async () => {
  const { store } = await storeWith()
  const peer = await newPeer()
  const envelope = await record(peer, 1n, [address(1)])
  for (let at = 0; at < envelope.length; at++) {
    const changed = envelope.slice()
    changed[at] = (changed[at] as number) ^ (1 << (at % 8))
    expect(await store.consumeRecord(changed), `byte ${at}`).toBe(false)
  }
  for (const length of [0, 1, 50, envelope.length - 1]) {
    expect(await store.consumeRecord(envelope.subarray(0, length))).toBe(false)
  }
  expect(store.get(peer.id)?.addresses ?? []).toEqual([])
  // Knowing the right one does not make a wrong one pass.
  await store.consumeRecord(envelope)
  for (let at = 0; at < envelope.length; at++) {
    const changed = envelope.slice()
    changed[at] = (changed[at] as number) ^ (1 << (at % 8))
    expect(await store.consumeRecord(changed, { expected: peer.id }), `byte ${at}`).toBe(false)
  }
  expect(list(store.get(peer.id))).toEqual(['1!'])
})

test('the record that the expected peer is known by prolongs its addresses, and brings back those that are gone', async () => {
  const { store, clock } = await storeWith({ maxAddresses: 2 })
  const peer = await newPeer()
  const envelope = await record(peer, 1n, [address(1), address(2)])
  const again = (ttlMs: number): Promise<boolean> => store.consumeRecord(envelope, { expected: peer.id, ttlMs })
  await again(1000)
  await clock.advance(900)
  expect(await again(1000)).toBe(true)
  await clock.advance(900)
  expect(list(store.get(peer.id))).toEqual(['1!', '2!'])
  await clock.advance(100)
  expect(list(store.get(peer.id))).toEqual([])
  expect(await again(1000)).toBe(true)
  expect(list(store.get(peer.id))).toEqual(['1!', '2!'])
  const empty = await record(peer, 2n, [])
  for (let at = 0; at < 2; at++) expect(await store.consumeRecord(empty, { expected: peer.id })).toBe(true)
  expect(list(store.get(peer.id))).toEqual([])
  expect(await again(1000)).toBe(false)
})

test('a record may be as long as the bound', async () => {
  const { store } = await storeWith()
  const peer = await newPeer()
  const envelope = await record(
    peer,
    1n,
    Array.from({ length: 1000 }, (_, at) => multiaddr(`/dns4/a-name-of-some-length-${at}.example.org/tcp/${at + 1}`))
  )
  expect(envelope.length).toBeGreaterThan(32_768)
  expect(await store.consumeRecord(envelope)).toBe(true)
  expect(store.get(peer.id)?.addresses).toHaveLength(64)
})

test('an address that a user gave stays when a record does not name it any more', async () => {
  const { store } = await storeWith()
  const peer = await newPeer()
  store.addAddresses(peer.id, [address(1)], { ttlMs: Infinity })
  await store.consumeRecord(await record(peer, 1n, [address(1), address(2)]))
  expect(list(store.get(peer.id))).toEqual(['1!', '2!'])
  await store.consumeRecord(await record(peer, 2n, [address(3)]))
  expect(list(store.get(peer.id))).toEqual(['1', '3!'])
})

test('an envelope that is no peer record, and one that is too long, are refused', async () => {
  const { store } = await storeWith({ maxRecordBytes: 2000 })
  const peer = await newPeer()
  const other = await sealEnvelope({
    privateKey: peer.key,
    domain: 'something-else',
    payloadType: Uint8Array.of(1),
    payload: new Uint8Array(10)
  })
  expect(await store.consumeRecord(other)).toBe(false)
  const long = await record(
    peer,
    1n,
    Array.from({ length: 300 }, (_, at) => address(at + 1))
  )
  expect(long.length).toBeGreaterThan(2000)
  expect(await store.consumeRecord(long)).toBe(false)
})

test('a record of more addresses than are kept is cut', async () => {
  const { store } = await storeWith({ maxAddresses: 10 })
  const peer = await newPeer()
  store.addAddresses(
    peer.id,
    Array.from({ length: 10 }, (_, at) => address(at + 100)),
    { ttlMs: Infinity }
  )
  expect(
    await store.consumeRecord(
      await record(
        peer,
        1n,
        Array.from({ length: 30 }, (_, at) => address(at + 1))
      )
    )
  ).toBe(true)
  const entry = store.get(peer.id)
  expect(entry?.addresses).toHaveLength(10)
  expect(entry?.addresses.every(({ certified }) => certified)).toBe(true)
})
