import { expect, test } from 'vitest'
import { seededRandom, settle, fuzzInputs as runs, isLongFuzz as long, fuzzSeed as seed } from '@peerloom/conformance'
import { channelPair } from '@peerloom/streams'
import { collect, greeting, keyOf, protectorOf } from './links.ts'

const refused = { code: 'ERR_SECURITY', remote: true }

test('another key is found out at once on both ends, and nothing comes through', async () => {
  const [one, two] = channelPair()
  const [near, far] = await Promise.all([protectorOf(keyOf(1)).protect(one), protectorOf(keyOf(2)).protect(two)])
  const [atNear, atFar] = [collect(near), collect(far)]
  near.send(greeting.slice())
  await settle()
  expect([near.status, far.status]).toEqual(['reset', 'reset'])
  expect(far.error).toMatchObject(refused)
  expect([atNear.bytes().length, atFar.bytes().length]).toEqual([0, 0])
})

test('who speaks without a key gets a nonce and no more', async () => {
  const [near, stranger] = channelPair()
  const wire = collect(stranger)
  const channel = await protectorOf(keyOf(1)).protect(near)
  const got = collect(channel)
  stranger.send(Buffer.concat([greeting, greeting, greeting]))
  await settle()
  expect(channel.error).toMatchObject(refused)
  expect([wire.bytes().length, got.bytes().length, stranger.status]).toEqual([24, 0, 'reset'])
})

test('who sends back what it gets is found out', async () => {
  const [near, mirror] = channelPair()
  mirror.attach({ data: (bytes) => void mirror.send(bytes.slice()), end: () => {}, closed: () => {} })
  const channel = await protectorOf(keyOf(1)).protect(near)
  const got = collect(channel)
  channel.send(greeting.slice())
  await settle()
  expect(channel.error).toMatchObject({ ...refused, message: /sends back/ })
  expect(got.bytes()).toHaveLength(0)
})

test('an early end is an end, wherever it comes', async () => {
  for (const length of [0, 10, 24, 30]) {
    const [near, far] = channelPair()
    const channel = await protectorOf(keyOf(1)).protect(near)
    const got = collect(channel)
    const [one, two] = channelPair()
    const wire = collect(two)
    const member = await protectorOf(keyOf(1)).protect(one)
    member.send(greeting.slice())
    await settle()
    far.send(wire.bytes().slice(0, length))
    await far.closeWrite()
    await settle()
    expect([got.ended(), got.bytes().length]).toEqual([true, Math.max(0, length - 24)])
  }
})

test('a member is heard however its bytes are cut, and a single wrong byte of its greeting is not', async () => {
  for (const wrongAt of [undefined, 0, 7, 19]) {
    const [one, two] = channelPair()
    const wire = collect(two)
    const member = await protectorOf(keyOf(1)).protect(one)
    const hello = greeting.slice()
    if (wrongAt !== undefined) hello[wrongAt] = 65
    member.send(hello)
    member.send(new TextEncoder().encode('hello'))
    await settle()
    const [near, far] = channelPair()
    const channel = await protectorOf(keyOf(1)).protect(near)
    const got = collect(channel)
    const bytes = wire.bytes()
    for (let at = 0; at < bytes.length && far.status === 'open'; at++) {
      far.send(bytes.slice(at, at + 1))
      await settle(1)
    }
    const text = Buffer.from(got.bytes()).toString('latin1')
    if (wrongAt === undefined) expect(text).toBe('\u0013/multistream/1.0.0\nhello')
    else expect([channel.error, text]).toMatchObject([refused, '\u0013/multistream/1.0.0\n'.slice(0, wrongAt)])
  }
})

test('random bytes in random pieces are refused, and never get past their link', { timeout: 600_000 }, async () => {
  console.info(`seed ${seed}, ${runs} inputs`)
  for (let run = 0; run < runs; run++) {
    const random = seededRandom(seed + run)
    const bytes = Uint8Array.from({ length: 25 + random(200) }, () => random(256))
    const cuts: number[] = []
    for (let at = 0; at < bytes.length; at += cuts.at(-1) as number) cuts.push(1 + random(60))
    let took = 0
    let channel: Awaited<ReturnType<ReturnType<typeof protectorOf>['protect']>> | undefined
    for (let tries = long ? 5 : 1; tries > 0; tries--) {
      const [near, far] = channelPair()
      const started = performance.now()
      channel = await protectorOf(keyOf(1)).protect(near)
      const got = collect(channel)
      let at = 0
      for (const cut of cuts) {
        if (far.status === 'open') far.send(bytes.slice(at, at + cut))
        at += cut
      }
      await settle(2)
      took = performance.now() - started
      // A chance of one in 256 for each byte that slips through.
      expect(got.bytes().length, `seed ${seed}, input ${run}`).toBeLessThan(8)
      if (took <= 5) break
    }
    if (long && took > 5) throw new Error(`seed ${seed}, input ${run}: ${bytes.length} bytes took ${took} ms`)
    if (channel?.status === 'open') {
      // Only when every byte behind the nonce was a right one by chance.
      expect(bytes.length, `seed ${seed}, input ${run}`).toBeLessThan(24 + 8)
      channel.abort(new Error('next'))
    } else {
      expect(channel?.error, `seed ${seed}, input ${run}`).toMatchObject(refused)
    }
  }
})
