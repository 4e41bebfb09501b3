import { expect, test } from 'vitest'
import { seededRandom, fuzzSeed as seed } from '@peerloom/conformance'
import { channelPair } from '@peerloom/streams'
import type { Channel } from '@peerloom/interface'
import { handshake, muxers, party, readAll, readSome, turns, wire } from './harness.ts'

/** Two secured sides with a wire between them that can be listened to and changed once the handshake is through. */
async function tapped(): Promise<{
  near: Channel
  far: Channel
  records: Uint8Array[]
  inject(bytes: Uint8Array): void
  setChange(change: (bytes: Uint8Array) => Uint8Array | undefined): void
}> {
  const [a, b] = [await party(), await party()]
  const [nearEnd, nearWire] = channelPair()
  const [farEnd, farWire] = channelPair()
  const records: Uint8Array[] = []
  let change: ((bytes: Uint8Array) => Uint8Array | undefined) | undefined
  wire(nearWire, farWire, (bytes) => {
    if (change === undefined) return bytes
    records.push(bytes.slice())
    return change(bytes)
  })
  wire(farWire, nearWire, (bytes) => bytes)
  const [near, far] = await Promise.all([
    a.security.secure(nearEnd, { role: 'initiator', muxers }),
    b.security.secure(farEnd, { role: 'responder', muxers })
  ])
  await turns()
  change = (bytes) => bytes
  return {
    near: near.channel,
    far: far.channel,
    records,
    inject: (bytes) => void farWire.send(bytes),
    setChange: (next) => (change = next)
  }
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words)

test('what is sent in one turn leaves in one record', async () => {
  const { near, far, records } = await tapped()
  for (const word of ['one ', 'two ', 'three']) near.send(text(word))
  await near.closeWrite()
  expect(Buffer.from(await readAll(far)).toString()).toBe('one two three')
  expect(records).toHaveLength(1)
  expect(records[0]).toHaveLength(2 + 13 + 16)
})

test('every flipped bit of a record resets the channel, and nothing of it is delivered', async () => {
  const size = 2 + 5 + 16
  for (let bit = 16; bit < size * 8; bit++) {
    const { near, far, setChange } = await tapped()
    setChange((bytes) => {
      const changed = bytes.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      return changed
    })
    const got: Uint8Array[] = []
    const ended = new Promise<unknown>((resolve) => {
      far.attach({ data: (bytes) => void got.push(bytes), end: () => resolve('end'), closed: resolve })
    })
    near.send(text('hello'))
    expect(await ended, `bit ${bit}`).toMatchObject({ code: 'ERR_SECURITY', remote: true })
    expect(got).toEqual([])
  }
}, 60_000)

test('a replayed record, one out of order and one left out are noticed', async () => {
  for (const trick of ['replay', 'swap', 'drop']) {
    const { near, far, setChange, inject } = await tapped()
    let held: Uint8Array | undefined
    let count = 0
    setChange((bytes) => {
      count++
      if (trick === 'replay' && count === 1) setImmediate(() => inject(bytes.slice()))
      if (trick === 'drop' && count === 1) return undefined
      if (trick === 'swap' && count === 1) {
        held = bytes.slice()
        return undefined
      }
      return trick === 'swap' && count === 2 ? Buffer.concat([bytes, held as Uint8Array]) : bytes
    })
    const reading = readAll(far)
    reading.catch(() => {})
    near.send(text('one'))
    await turns(4)
    if (near.status === 'open') near.send(text('two'))
    await expect(reading, trick).rejects.toMatchObject({ code: 'ERR_SECURITY', remote: true })
  }
})

test.each([
  ['a record shorter than its tag', Uint8Array.of(0, 15, ...new Uint8Array(15))],
  ['a record of no bytes', Uint8Array.of(0, 0)],
  ['garbage of the largest size', Uint8Array.of(0xff, 0xff, ...new Uint8Array(65_535))]
])('%s resets the channel', async (_name, bytes) => {
  const { far, inject } = await tapped()
  const reading = readAll(far)
  inject(bytes)
  await expect(reading).rejects.toMatchObject({ code: 'ERR_SECURITY', remote: true })
})

test('an end inside a record is no end', async () => {
  const { near, far, setChange } = await tapped()
  setChange((bytes) => bytes.slice(0, -1))
  const reading = readAll(far)
  near.send(text('hello'))
  await near.closeWrite()
  await expect(reading).rejects.toMatchObject({ code: 'ERR_SECURITY', remote: true })
})

test('64 MiB in pieces of every size arrive as they were sent', async () => {
  const random = seededRandom(seed)
  const { near, far } = await tapped()
  // A pattern whose length has nothing in common with any size, twice so that a view of it can start anywhere.
  const pattern = Buffer.alloc(2 * 262_147)
  for (let at = 0; at < 262_147; at++) pattern[at] = pattern[at + 262_147] = random(256)
  const expected = (at: number, length: number): Buffer => pattern.subarray(at % 262_147, (at % 262_147) + length)
  const total = 64 << 20
  let got = 0
  let wrong = -1
  const ended = new Promise<void>((resolve, reject) => {
    far.attach({
      data: (bytes) => {
        if (wrong < 0 && !expected(got, bytes.length).equals(bytes)) wrong = got
        got += bytes.length
      },
      end: resolve,
      closed: (error) => error !== undefined && reject(error)
    })
  })
  const sizes = [1, 16, 100, 4095, 8191, 8192, 65_518, 65_519, 65_520, 131_038, 200_000]
  for (let at = 0; at < total;) {
    const length = Math.min(total - at, sizes[random(sizes.length)] as number)
    if (!near.send(new Uint8Array(expected(at, length)))) await near.drained()
    at += length
    if (random(4) === 0) await turns(1)
  }
  await near.closeWrite()
  await ended
  expect({ got, wrong, seed }).toEqual({ got: total, wrong: -1, seed })
}, 60_000)

test('ciphertext cut at every place opens all the same', async () => {
  const { near, far, setChange, inject } = await tapped()
  const pieces: Uint8Array[] = []
  setChange((bytes) => {
    pieces.push(bytes.slice())
    return undefined
  })
  near.send(text('first record'))
  await turns(4)
  near.send(text('second'))
  await turns(4)
  const whole = Buffer.concat(pieces)
  let got = ''
  far.attach({ data: (bytes) => (got += Buffer.from(bytes).toString()), end: () => {}, closed: () => {} })
  for (const byte of whole) {
    inject(Uint8Array.of(byte))
    await turns(1)
  }
  await turns()
  expect(got).toBe('first recordsecond')
})

test('a reader that takes nothing stops the sender', async () => {
  const { near, far } = await handshake(await party(), await party())
  let taken = 0
  const offering = (async () => {
    for (; taken < 4096; taken++) {
      if (!near.channel.send(new Uint8Array(64 * 1024))) await near.channel.drained()
    }
  })()
  offering.catch(() => {})
  await turns(200)
  expect(taken * 64 * 1024).toBeLessThan(4 * 1024 * 1024)
  far.channel.abort(new Error('done'))
  await expect(offering).rejects.toThrow()
})

test('a secured channel inside another carries everything, as relayed connections do', async () => {
  const [a, b] = [await party(), await party()]
  const outer = await handshake(await party(), await party())
  const [near, far] = await Promise.all([
    a.security.secure(outer.near.channel, { role: 'initiator', muxers, expected: b.id }),
    b.security.secure(outer.far.channel, { role: 'responder', muxers })
  ])
  const reading = readAll(far.channel)
  const sent: Uint8Array[] = []
  for (let round = 0; round < 300; round++) {
    const bytes = new Uint8Array([5, 900, 7000, 9000, 70_000, 140_000][round % 6] as number).fill(round)
    sent.push(bytes.slice())
    if (!near.channel.send(bytes)) await near.channel.drained()
    if (round % 7 === 0) await turns(1)
  }
  await near.channel.closeWrite()
  expect(Buffer.concat(sent).equals(await reading)).toBe(true)
})

test('a small message on many connections takes little memory while it waits for the end of the turn', async () => {
  const pairs = await Promise.all(Array.from({ length: 200 }, async () => handshake(await party(), await party())))
  await turns()
  const before = process.memoryUsage().arrayBuffers
  for (const { near } of pairs) near.channel.send(new Uint8Array(100))
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024)
  for (const { far } of pairs) expect(await readSome(far.channel)).toHaveLength(100)
})
