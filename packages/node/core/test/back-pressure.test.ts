import { lengthPrefix } from '@peerloom/bounded'
import { until } from '@peerloom/conformance'
import type { Stream } from '@peerloom/interface'
import { byteReader, lengthPrefixed, toWeb } from '@peerloom/streams'
import { expect, test } from 'vitest'
import { tcpNode } from './nodes.ts'

const mebibyte = 1024 * 1024
/** What the writer would send if it were let. The long run offers a whole gibibyte. */
const offered = (process.env['PEERLOOM_LONG'] === '1' ? 1024 : 256) * mebibyte

/** A stream over TCP, Noise and yamux, and its other end. */
async function streamPair(): Promise<{ out: Stream; into: Stream }> {
  const far = await tcpNode()
  const near = await tcpNode({ addresses: {} })
  let into: Stream | undefined
  await far.handle('/bulk', (stream) => void (into = stream))
  const out = await near.openStream(far.multiaddrs(), '/bulk')
  await until('the stream is served', () => into !== undefined)
  return { out, into: into as unknown as Stream }
}

/** Every way of reading, each taking nothing but what it takes by itself. */
const readers: Record<string, (stream: Stream) => unknown> = {
  'nobody reads': () => {},
  'a paused reader': (stream) => {
    stream.attach({ data: () => {}, end: () => {}, closed: () => {} })
    stream.pause()
  },
  'a reader that pauses at the first bytes': (stream) =>
    stream.attach({ data: () => stream.pause(), end: () => {}, closed: () => {} }),
  'an iterator that is not advanced': (stream) => stream[Symbol.asyncIterator]().next(),
  'a transient iterator that is not advanced': (stream) => stream.transient[Symbol.asyncIterator]().next(),
  source: (stream) => stream.source[Symbol.asyncIterator]().next(),
  byteReader: (stream) => byteReader(stream).read(1000),
  lengthPrefixed: (stream) => lengthPrefixed(stream).read(),
  toWeb: (stream) => toWeb(stream).readable.getReader().read()
}

test.each(Object.keys(readers))(
  'the sender is stopped and memory stays flat: %s',
  async (name) => {
    const { out, into } = await streamPair()
    void readers[name]?.(into)
    const chunk = lengthPrefix(new Uint8Array(64 * 1024 - 3))
    ;(globalThis as { gc?: () => void }).gc?.()
    const before = process.memoryUsage().rss
    let taken = 0
    const writing = (async () => {
      for (; taken < offered; taken += chunk.length) await out.write(chunk)
    })().catch(() => {})
    // When nothing has moved for many turns of the event loop, the sender has been stopped.
    let [still, last] = [0, -1]
    await until('the sender is stopped', () => {
      still = taken === last && !out.writable ? still + 1 : 0
      last = taken
      return still > 50 || taken >= offered
    })
    expect(taken).toBeLessThan(offered / 16)
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * mebibyte)
    out.abort(new Error('over'))
    await writing
  },
  60_000
)

test('a reader that starts late gets everything', async () => {
  const { out, into } = await streamPair()
  const total = 16 * mebibyte
  const writing = (async () => {
    for (let sent = 0; sent < total; sent += 64 * 1024) await out.write(new Uint8Array(64 * 1024).fill(sent >> 16))
    await out.closeWrite()
  })()
  await until('the sender is stopped', () => !out.writable)
  let got = 0
  for await (const bytes of into) {
    expect(bytes[0]).toBe((got >> 16) & 0xff)
    got += bytes.length
  }
  expect(got).toBe(total)
  await writing
})

test('a writer that ignores false is stopped at the bound, and its stream lives', async () => {
  const { out, into } = await streamPair()
  let sent = 0
  expect(() => {
    for (; sent < offered; sent += 64 * 1024) out.send(new Uint8Array(64 * 1024))
  }).toThrow(expect.objectContaining({ code: 'ERR_SEND_QUEUE_FULL' }))
  expect(sent).toBeLessThan(16 * mebibyte)
  const ending = out.closeWrite()
  let got = 0
  for await (const bytes of into) got += bytes.length
  await ending
  expect(got).toBe(sent)
})

test('a reader that takes nothing on one stream does not hold up another one of its connection', async () => {
  const { out } = await streamPair()
  const writing = (async () => {
    for (let sent = 0; sent < 8 * mebibyte; sent += 64 * 1024) await out.write(new Uint8Array(64 * 1024))
  })().catch(() => {})
  await until('the first is stopped', () => !out.writable)
  const other = await out.connection.openStream('/nothing-like-it')
  await expect(byteReader(other).read(1)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED_PROTOCOL' })
  out.abort(new Error('over'))
  await writing
})
