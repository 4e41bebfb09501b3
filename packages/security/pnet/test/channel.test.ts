import { xsalsa20 } from '@noble/ciphers/salsa.js'
import { expect, test } from 'vitest'
import { seededRandom, settle, until, fuzzSeed as seed } from '@peerloom/conformance'
import type { Channel } from '@peerloom/interface'
import { channelPair } from '@peerloom/streams'
import { collect, greeting, keyOf, link, protectorOf } from './links.ts'

test('the nonce comes first, then everything under the key stream, without waiting for the other side', async () => {
  const [near, far] = channelPair()
  const wire = collect(far)
  const nonce = Uint8Array.from({ length: 24 }, (_, at) => at)
  const channel = await protectorOf(keyOf(5), () => nonce).protect(near)
  channel.send(greeting.slice())
  channel.send(Uint8Array.of(1, 2, 3))
  await settle()
  const plain = Buffer.concat([greeting, Uint8Array.of(1, 2, 3)])
  expect(Buffer.from(wire.bytes())).toEqual(Buffer.concat([nonce, xsalsa20(keyOf(5), nonce, plain)]))
})

test('bytes of any cut arrive as they were, in both directions at once', async () => {
  const random = seededRandom(seed)
  const { near, far } = await link()
  const [atNear, atFar] = [collect(near), collect(far)]
  const sent: [number[], number[]] = [[], []]
  for (let round = 0; round < 400; round++) {
    const side = random(2) as 0 | 1
    const bytes = Uint8Array.from({ length: 1 + random(random(20) === 0 ? 70_000 : 200) }, () => random(256))
    sent[side].push(...bytes)
    const channel = [near, far][side] as Channel
    if (!channel.send(bytes)) await channel.drained()
    if (random(4) === 0) await settle(1)
  }
  await settle(40)
  expect(Buffer.compare(atFar.bytes(), Uint8Array.from(sent[0])), `seed ${seed}`).toBe(0)
  expect(Buffer.compare(atNear.bytes(), Uint8Array.from(sent[1])), `seed ${seed}`).toBe(0)
})

test('what is sent is not changed: the same bytes may be sent again', async () => {
  const { near, far } = await link()
  const got = collect(far)
  const bytes = Uint8Array.of(1, 2, 3, 4)
  near.send(bytes)
  near.send(bytes)
  await settle()
  expect([...bytes]).toEqual([1, 2, 3, 4])
  expect([...got.bytes()]).toEqual([1, 2, 3, 4, 1, 2, 3, 4])
})

test('a reader that keeps nothing is lent one buffer, and one that pauses loses nothing', async () => {
  const { near, far } = await link()
  const buffers = new Set<ArrayBufferLike>()
  let sum = 0
  let most = 0
  far.attach({
    transient: true,
    data: (bytes) => {
      buffers.add(bytes.buffer)
      most = Math.max(most, bytes.length)
      for (const byte of bytes) sum += byte
      if (sum % 7 === 0) far.pause()
    },
    end: () => {},
    closed: () => {}
  })
  let expected = 0
  const sending = (async () => {
    for (let round = 0; round < 60; round++) {
      const bytes = new Uint8Array(100_000).fill(round)
      expected += 100_000 * round
      if (!near.send(bytes)) await near.drained()
    }
  })()
  for (let round = 0; round < 200 && sum < 177_000_000; round++) {
    far.resume()
    await settle(2)
  }
  await sending
  await until('all is read', () => {
    far.resume()
    return sum === expected
  })
  expect(most).toBeLessThanOrEqual(100_000)
  expect(buffers.size).toBeLessThan(200)
})

test('links inside of readers of other links do not disturb each other', async () => {
  const [outer, inner] = [await link(keyOf(1)), await link(keyOf(2))]
  const got = collect(inner.far)
  outer.far.attach({
    transient: true,
    data: (bytes) => void inner.near.send(bytes.slice()),
    end: () => {},
    closed: () => {}
  })
  for (let at = 0; at < 100; at++) outer.near.send(new Uint8Array(1000).fill(at))
  await settle(20)
  expect(got.bytes()).toHaveLength(100_000)
  expect(got.bytes().every((byte, at) => byte === Math.floor(at / 1000))).toBe(true)
})

test('a reader that takes nothing stops the sender, and the other direction goes on', async () => {
  const { near, far } = await link()
  far.pause()
  let accepted = 0
  while (near.writable) {
    near.send(new Uint8Array(65_536))
    accepted += 65_536
    await settle(2)
  }
  expect(accepted).toBeLessThan(2 * 1024 * 1024)
  // Whoever does not wait is stopped at the bound, and loses nothing of what was taken.
  expect(() => {
    for (;;) {
      near.send(new Uint8Array(65_536))
      accepted += 65_536
    }
  }).toThrow(expect.objectContaining({ code: 'ERR_SEND_QUEUE_FULL' }))
  expect(accepted).toBeLessThan(8 * 1024 * 1024)
  const back = collect(near)
  far.send(Uint8Array.of(9))
  await settle()
  expect([...back.bytes()]).toEqual([9])
  let drained = false
  void near.drained().then(() => (drained = true))
  const got = collect(far)
  await settle(200)
  expect([drained, got.bytes().length, near.queuedBytes]).toEqual([true, accepted, 0])
})

test('ends are ends: each direction by itself, behind what was queued', async () => {
  const { near, far } = await link()
  far.pause()
  for (let at = 0; at < 40; at++) near.send(new Uint8Array(65_536).fill(at))
  const closing = near.closeWrite()
  expect(() => near.send(Uint8Array.of(1))).toThrow(expect.objectContaining({ code: 'ERR_WRITE_CLOSED' }))
  const got = collect(far)
  await closing
  await settle(20)
  expect([got.bytes().length, got.ended(), far.status]).toEqual([40 * 65_536, true, 'closing'])
  const back = collect(near)
  far.send(Uint8Array.of(5))
  await far.closeWrite()
  await settle()
  expect([[...back.bytes()], back.ended(), near.status, far.status]).toEqual([[5], true, 'closed', 'closed'])
})

test('a reset is one at both ends, and at the channel below', async () => {
  const [one, two] = channelPair()
  const [near, far] = await Promise.all([protectorOf(keyOf(1)).protect(one), protectorOf(keyOf(1)).protect(two)])
  const got = collect(far)
  near.abort(new Error('enough'))
  await settle()
  expect([near.status, far.status, one.status, two.status]).toEqual(['reset', 'reset', 'reset', 'reset'])
  expect(got.error()).toMatchObject({ code: 'ERR_CHANNEL_RESET', remote: true })
})

test('protecting takes a signal and looks at it first', async () => {
  const [near] = channelPair()
  const signal = AbortSignal.abort(new Error('too late'))
  await expect(protectorOf(keyOf(1)).protect(near, { signal })).rejects.toThrow('too late')
})
