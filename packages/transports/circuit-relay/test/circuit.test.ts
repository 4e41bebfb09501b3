import { Circuit, type CircuitLimits } from '@peerloom/circuit-relay'
import { ManualClock, settle, until } from '@peerloom/conformance'
import type { Channel } from '@peerloom/interface'
import { byteReader, channelPair } from '@peerloom/streams'
import { expect, test } from 'vitest'

const unlimited: CircuitLimits = { bytes: Infinity, durationMs: Infinity }

function circuit(limits: CircuitLimits, clock = new ManualClock()) {
  const [source, near] = channelPair(clock)
  const [far, target] = channelPair(clock)
  const over: (Error | undefined)[] = []
  const made = new Circuit(near, far, { clock, limits, onOver: (error) => over.push(error) })
  made.start()
  return { source, target, made, over, clock }
}

/** Counts what comes, without keeping it. */
function counter(channel: Channel) {
  const seen = { bytes: 0, ended: false, closed: false, error: undefined as Error | undefined }
  channel.attach({
    data: (bytes) => void (seen.bytes += bytes.length),
    end: () => void (seen.ended = true),
    closed: (error) => {
      seen.closed = true
      seen.error = error
    },
    transient: true
  })
  return seen
}

test('what goes in comes out, both ways, and ends pass through one by one', async () => {
  const { source, target, made, over } = circuit(unlimited)
  const [there, here] = [byteReader(target), byteReader(source)]
  source.send(Uint8Array.of(1, 2, 3))
  expect(await there.read(3)).toEqual(Uint8Array.of(1, 2, 3))
  await source.closeWrite()
  expect(await there.readSome()).toBeUndefined()
  target.send(Uint8Array.of(4, 5))
  expect(await here.read(2)).toEqual(Uint8Array.of(4, 5))
  expect(over).toEqual([])
  await target.closeWrite()
  await until('it is over', () => over.length === 1)
  expect(over).toEqual([undefined])
  expect(made.passed).toEqual([3, 2])
  expect([source.status, target.status]).toEqual(['closed', 'closed'])
})

test('a reset of one side resets the other', async () => {
  const { source, target, over } = circuit(unlimited)
  const seen = counter(target)
  source.abort(new Error('enough'))
  await until('the target is reset', () => seen.closed)
  expect(seen.error).toMatchObject({ code: 'ERR_CHANNEL_RESET' })
  expect(over).toHaveLength(1)
  expect(over[0]).toBeInstanceOf(Error)
})

test('exactly the bytes of the limit pass, then both sides are reset', async () => {
  for (const [first, extra] of [
    [100_000, 1],
    [99_999, 2],
    [100_001, 0],
    [50_000, 200_000]
  ] as const) {
    const { source, target, made, over, clock } = circuit({ bytes: 100_000, durationMs: Infinity })
    const seen = counter(target)
    const back = counter(source)
    source.send(new Uint8Array(first))
    await settle()
    if (extra > 0) source.send(new Uint8Array(extra))
    await clock.advance(100)
    expect(seen.bytes).toBe(100_000)
    expect(made.passed[0]).toBe(100_000)
    expect([seen.closed, back.closed]).toEqual([true, true])
    expect(over).toEqual([expect.objectContaining({ code: 'ERR_LIMIT' })])
    expect(clock.pending).toBe(0)
  }
})

test('a transfer of just the limit is whole, and ends in good order', async () => {
  const { source, target, over, clock } = circuit({ bytes: 100_000, durationMs: Infinity })
  const seen = counter(target)
  counter(source)
  source.send(new Uint8Array(100_000))
  await source.closeWrite()
  await until('it has all come', () => seen.ended)
  expect(seen.bytes).toBe(100_000)
  await target.closeWrite()
  await clock.advance(60_000)
  expect(over).toEqual([undefined])
})

test('each direction has a limit of its own', async () => {
  const { source, target, made, over, clock } = circuit({ bytes: 1000, durationMs: Infinity })
  const [there, here] = [counter(target), counter(source)]
  source.send(new Uint8Array(1000))
  target.send(new Uint8Array(1000))
  await clock.advance(1000)
  expect([there.bytes, here.bytes, over.length]).toEqual([1000, 1000, 0])
  target.send(new Uint8Array(1))
  await clock.advance(1000)
  expect(made.passed).toEqual([1000, 1000])
  expect(over).toHaveLength(1)
})

test('the last bytes under the limit get time to leave, but not for ever', async () => {
  const { source, target, over, clock } = circuit({ bytes: 1024 * 1024, durationMs: Infinity })
  target.pause() // takes no more than a window
  for (let sent = 0; sent < 2 * 1024 * 1024; sent += 65_536) {
    source.send(new Uint8Array(65_536))
    await settle(1)
  }
  await clock.advance(1000)
  expect(over).toEqual([])
  const seen = counter(target)
  await clock.advance(1000)
  expect(seen.bytes).toBe(1024 * 1024)
  expect(over).toHaveLength(1)

  const limit = 300 * 1024
  const other = circuit({ bytes: limit, durationMs: Infinity })
  other.target.pause()
  for (let sent = 0; sent < 2 * limit; sent += 65_536) {
    other.source.send(new Uint8Array(65_536))
    await settle(1)
  }
  await other.clock.advance(4000)
  expect(other.made.passed[0]).toBe(limit)
  expect(other.over).toEqual([])
  await other.clock.advance(2000)
  expect(other.over).toHaveLength(1)
})

test('a circuit lasts as long as the limit says, whatever goes on', async () => {
  const { source, target, over, clock } = circuit({ bytes: Infinity, durationMs: 120_000 })
  const [there, here] = [counter(target), counter(source)]
  for (let second = 0; second < 119; second++) {
    source.send(Uint8Array.of(1))
    await clock.advance(1000)
  }
  await clock.advance(999)
  expect(over).toEqual([])
  await clock.advance(1)
  expect(over).toEqual([expect.objectContaining({ code: 'ERR_LIMIT' })])
  await settle()
  expect([there.closed, here.closed]).toEqual([true, true])
})

test('a side that takes nothing holds the other one back, and little waits in between', async () => {
  const { source, target, made } = circuit(unlimited)
  target.pause()
  let accepted = 0
  for (let round = 0; round < 20_000 && accepted < 1024 * 1024 * 1024; round++) {
    if (!source.writable) break
    source.send(new Uint8Array(65_536))
    accepted += 65_536
    await settle(1)
  }
  expect(accepted).toBeLessThan(4 * 1024 * 1024)
  expect(made.passed[0]).toBeLessThan(2 * 1024 * 1024)
  const seen = counter(target)
  await until('all of it comes when it is wanted', () => seen.bytes === accepted)
  made.abort(new Error('the test is over'))
})

test('what waited in either channel before they were joined is not lost', async () => {
  const clock = new ManualClock()
  const [source, near] = channelPair(clock)
  const [far, target] = channelPair(clock)
  source.send(Uint8Array.of(1))
  target.send(Uint8Array.of(2))
  await source.closeWrite()
  await settle()
  const over: unknown[] = []
  new Circuit(near, far, { clock, limits: unlimited, onOver: (error) => over.push(error) }).start()
  const [there, here] = [byteReader(target), byteReader(source)]
  expect(await there.read(1)).toEqual(Uint8Array.of(1))
  expect(await here.read(1)).toEqual(Uint8Array.of(2))
  expect(await there.readSome()).toBeUndefined()
  await target.closeWrite()
  await until('it is over', () => over.length === 1)
})

test('joining a channel that is gone ends the other one at once', async () => {
  const clock = new ManualClock()
  const [, near] = channelPair(clock)
  const [far, target] = channelPair(clock)
  near.abort(new Error('gone'))
  const over: unknown[] = []
  new Circuit(near, far, { clock, limits: { bytes: 1, durationMs: 1000 }, onOver: (error) => over.push(error) }).start()
  expect(over).toHaveLength(1)
  await settle()
  expect(target.status).toBe('reset')
  expect(clock.pending).toBe(0)
})
