import { CountingScope, ManualClock, settle } from '@peerloom/conformance'
import type { MuxedStream } from '@peerloom/interface'
import { createNativeMuxer } from '@peerloom/quic-engine'
import { expect, test } from 'vitest'
import { FakeConnection, FakeStream } from './fake-engine.ts'

function muxing() {
  const engine = new FakeConnection()
  const limits = new CountingScope()
  const clock = new ManualClock()
  const inbound: MuxedStream[] = []
  const ends: (Error | undefined)[] = []
  const muxer = createNativeMuxer('fake', engine, {
    role: 'initiator',
    limits,
    clock,
    onStream: (stream) => void inbound.push(stream),
    onClose: (error) => void ends.push(error)
  })
  const opened = async (): Promise<{ stream: MuxedStream; below: FakeStream }> => {
    const opening = muxer.open()
    const below = new FakeStream()
    engine.opening.shift()?.(below)
    return { stream: await opening, below }
  }
  return { engine, limits, clock, inbound, ends, muxer, opened }
}

test('what is sent in a turn goes to the engine in one piece, the next piece when it was taken', async () => {
  const { opened } = muxing()
  const { stream, below } = await opened()
  for (let at = 0; at < 10; at++) stream.send(new Uint8Array(100))
  expect(below.written).toHaveLength(0)
  await settle()
  expect(below.written.map(({ length }) => length)).toEqual([1000])
  stream.send(new Uint8Array(200_000))
  stream.send(new Uint8Array(200_000))
  await settle()
  expect(below.written).toHaveLength(1)
  below.events?.written()
  expect(below.written.map(({ length }) => length)).toEqual([1000, 200_000])
  void stream.closeWrite()
  below.events?.written()
  expect(below.written).toHaveLength(3)
  expect(below.finished).toBe(0)
  below.events?.written()
  expect(below.finished).toBe(1)
})

test('a stream that is opened too late is reset, and counts until the engine has nothing of it left', async () => {
  const { muxer, engine, clock, limits } = muxing()
  const opening = muxer.open({ timeoutMs: 100 })
  const failed = expect(opening).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  await clock.advance(100)
  await failed
  expect(limits.usage.streamsOutbound).toBe(1)
  const late = new FakeStream()
  engine.opening.shift()?.(late)
  await settle()
  expect(limits.usage.streamsOutbound).toBe(1)
  late.gone?.()
  expect(limits.isEmpty).toBe(true)
  expect(clock.pending).toBe(0)
})

test('opening can be called off', async () => {
  const { muxer, clock } = muxing()
  const abort = new AbortController()
  const opening = muxer.open({ signal: abort.signal })
  abort.abort(new Error('enough'))
  await expect(opening).rejects.toThrow('enough')
  expect(clock.pending).toBe(0)
  await expect(muxer.open({ signal: abort.signal })).rejects.toThrow('enough')
})

test('an aborted stream counts until the engine has nothing of it left', async () => {
  const { opened, limits } = muxing()
  const { stream, below } = await opened()
  stream.abort(new Error('enough'))
  expect(limits.usage.streamsOutbound).toBe(1)
  below.gone?.()
  expect(limits.isEmpty).toBe(true)
})

test('streams of the remote are refused when the limits say so', () => {
  const { engine, inbound, limits } = muxing()
  limits.refused.add('streamsInbound')
  const refused = new FakeStream()
  engine.events.stream(refused)
  expect(inbound).toHaveLength(0)
  expect(refused.gone).toBeDefined()
})

test('a remote that reads no more ends our direction, and the other one goes on', async () => {
  const { opened } = muxing()
  const { stream, below } = await opened()
  stream.send(new Uint8Array(10))
  await settle()
  below.events?.stopped()
  expect(stream.status).toBe('closing')
  expect(() => stream.send(new Uint8Array(1))).toThrow(/closed for writing/)
  const got: Uint8Array[] = []
  stream.attach({ data: (bytes) => void got.push(bytes), end() {}, closed() {} })
  below.events?.data(Uint8Array.of(1))
  below.events?.end()
  expect(got).toHaveLength(1)
  expect(stream.status).toBe('closed')
})

test('a reader that pauses holds the engine back', async () => {
  const { opened } = muxing()
  const { stream, below } = await opened()
  stream.attach({ data: () => stream.pause(), end() {}, closed() {} })
  below.events?.data(Uint8Array.of(1))
  expect(below.paused).toBe(false)
  below.events?.data(Uint8Array.of(2))
  expect(below.paused).toBe(true)
  stream.attach({ data() {}, end() {}, closed() {} })
  stream.resume()
  expect(below.paused).toBe(false)
})

test('what had arrived is read when the connection is lost', async () => {
  const { opened, engine, ends } = muxing()
  const { stream, below } = await opened()
  below.events?.data(Uint8Array.of(1, 2))
  const lost = new Error('lost')
  below.events?.lost(lost, true)
  engine.events.closed(lost)
  expect(ends).toEqual([lost])
  const got: number[] = []
  let end: Error | undefined
  stream.attach({ data: (bytes) => void got.push(...bytes), end() {}, closed: (error) => (end = error) })
  expect(got).toEqual([1, 2])
  expect(end).toBe(lost)
})

test('closing waits until streams have handed over what they hold, and no longer than it may', async () => {
  const { muxer, opened, engine, clock, ends } = muxing()
  const { stream } = await opened()
  stream.send(new Uint8Array(10))
  const closing = muxer.close()
  await clock.advance(9000)
  expect(engine.closes).toBe(0)
  await clock.advance(1000)
  await closing
  expect(engine.closes).toBe(1)
  expect(ends).toEqual([undefined])
  await expect(muxer.open()).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
})

test('an abort resets streams and ends the engine at once', async () => {
  const { muxer, opened, engine, ends } = muxing()
  const { stream } = await opened()
  const error = new Error('enough')
  muxer.abort(error)
  expect(stream.error).toBe(error)
  expect(engine.aborts).toBe(1)
  expect(ends).toEqual([error])
})
