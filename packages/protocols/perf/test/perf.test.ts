import { ManualClock, settle, until } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import type { Clock } from '@peerloom/interface'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { perf, type PerfOptions } from '@peerloom/perf'
import { byteReader } from '@peerloom/streams'
import { yamux } from '@peerloom/yamux'
import { expect, onTestFinished, test } from 'vitest'

const network = new MemoryNetwork()
const protocol = '/perf/1.0.0'

async function start(options: PerfOptions, clock?: Clock) {
  const node = await createNode({
    addresses: { listen: ['/memory/0'] },
    transports: [memory({ network })],
    connectionEncryption: [noise()],
    streamMuxers: [yamux({ keepAliveMs: 0 })],
    services: { perf: perf(options) },
    ...(clock === undefined ? {} : { clock })
  })
  onTestFinished(() => node.stop())
  return node
}

async function pair(options: PerfOptions = {}, clock?: Clock) {
  const [near, far] = [await start(options, clock), await start(options, clock)]
  near.peers.addAddresses(far.peerId, far.multiaddrs())
  return { near, far }
}

/** The eight bytes that ask for a download. */
function request(bytes: bigint): Uint8Array {
  const head = new Uint8Array(8)
  new DataView(head.buffer).setBigUint64(0, bytes)
  return head
}

test.each([
  [0, 0],
  [1, 0],
  [0, 1],
  [65_536, 65_537],
  [3_000_001, 5_000_003]
])('%s bytes go up and %s come down, to the byte', async (uploadBytes, downloadBytes) => {
  const { near, far } = await pair()
  let [up, down] = [0, 0]
  const result = await near.services.perf.run(far.peerId, {
    uploadBytes,
    downloadBytes,
    onProgress: ({ direction, bytes }) => {
      if (direction === 'upload') up += bytes
      else down += bytes
    }
  })
  expect([up, down]).toEqual([uploadBytes, downloadBytes])
  expect(result.uploadMs).toBeGreaterThanOrEqual(0)
  expect(result.downloadMs).toBeGreaterThanOrEqual(0)
  await until('no stream is left', () => far.inspect().counts.inboundStreams === 0)
})

test('the wire is eight bytes, the upload and its end; then the download and its end', async () => {
  const { near, far } = await pair()
  const stream = await near.openStream(far.peerId, protocol)
  stream.send(request(100_000n))
  await stream.write(new Uint8Array(1000))
  const reader = byteReader(stream)
  await settle(20)
  expect(stream.queuedBytes).toBe(0)
  await stream.closeWrite()
  expect(await reader.read(100_000)).toHaveLength(100_000)
  expect(await reader.readSome()).toBeUndefined()
})

test.each([2n ** 64n - 1n, 2n ** 40n + 1n])('a request for %s bytes is refused', async (bytes) => {
  const { near, far } = await pair()
  const stream = await near.openStream(far.peerId, protocol)
  stream.send(request(bytes))
  await stream.closeWrite()
  await expect(byteReader(stream).read(1)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET', remote: true })
  await expect(near.services.perf.run(far.peerId, { uploadBytes: 0, downloadBytes: bytes })).rejects.toThrow()
  expect(near.connections.list()[0]?.status).toBe('open')
})

test.each([-1, 0.5, 2n ** 64n, -1n])('%s is no number of bytes', async (bytes) => {
  const { near, far } = await pair()
  for (const options of [
    { uploadBytes: bytes, downloadBytes: 0 },
    { uploadBytes: 0, downloadBytes: bytes }
  ]) {
    await expect(near.services.perf.run(far.peerId, options)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  }
})

test('the bound on what is sent is an option', async () => {
  const { near, far } = await pair({ maxDownloadBytes: 1000n })
  await near.services.perf.run(far.peerId, { uploadBytes: 0, downloadBytes: 1000 })
  await expect(near.services.perf.run(far.peerId, { uploadBytes: 0, downloadBytes: 1001 })).rejects.toMatchObject({
    code: 'ERR_CHANNEL_RESET'
  })
})

test.each([
  ['too little', 999, 'ERR_UNEXPECTED_END'],
  ['too much', 1001, 'ERR_PROTOCOL_VIOLATION']
])('a remote that sends %s fails the run', async (_, bytes, code) => {
  const { near, far } = await pair()
  await far.unhandle(protocol)
  await far.handle(protocol, (stream) => void stream.sink([new Uint8Array(bytes)]))
  await expect(near.services.perf.run(far.peerId, { uploadBytes: 0, downloadBytes: 1000 })).rejects.toMatchObject({
    code,
    remote: true
  })
})

test('a remote that never stops sending is stopped', async () => {
  const { near, far } = await pair()
  await far.unhandle(protocol)
  let over = false
  await far.handle(protocol, async (stream) => {
    try {
      for (;;) await stream.write(new Uint8Array(64 * 1024))
    } finally {
      over = true
    }
  })
  await expect(near.services.perf.run(far.peerId, { uploadBytes: 0, downloadBytes: 10 })).rejects.toMatchObject({
    code: 'ERR_PROTOCOL_VIOLATION'
  })
  await until('the remote has noticed', () => over)
})

test('an abort ends a run, before and during it', async () => {
  const { near, far } = await pair()
  const abort = new AbortController()
  const running = near.services.perf.run(far.peerId, {
    uploadBytes: 2n ** 40n,
    downloadBytes: 0,
    signal: abort.signal,
    onProgress: () => abort.abort(new Error('enough'))
  })
  await expect(running).rejects.toThrow('enough')
  const again = near.services.perf.run(far.peerId, { uploadBytes: 0, downloadBytes: 0, signal: abort.signal })
  await expect(again).rejects.toThrow('enough')
  await until('no stream is left', () => far.inspect().counts.inboundStreams === 0)
})

test('a request that is cut short is a failure of its stream only', async () => {
  const { near, far } = await pair()
  const stream = await near.openStream(far.peerId, protocol)
  stream.send(new Uint8Array(7))
  await stream.closeWrite()
  await expect(byteReader(stream).read(1)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET' })
  await near.services.perf.run(far.peerId, { uploadBytes: 10, downloadBytes: 10 })
})

test('runs of one peer at once are bounded', async () => {
  const { near, far } = await pair({ maxInboundStreams: 2 })
  const connection = await near.dial(far.peerId)
  const [, , third] = await Promise.all([1, 2, 3].map(() => connection.openStream(protocol)))
  if (third === undefined) return expect.unreachable()
  await expect(byteReader(third).read(1)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET' })
  expect(far.inspect().counts.inboundStreams).toBe(2)
})

test('the largest number on the wire is sent lazily, and no faster than it is read', async () => {
  const { near, far } = await pair({ maxDownloadBytes: 2n ** 64n - 1n })
  const stream = await near.openStream(far.peerId, protocol)
  stream.send(request(2n ** 64n - 1n))
  await stream.closeWrite()
  const reader = byteReader(stream)
  await reader.read(1)
  await settle(50)
  const [sending] = far.connections.list().flatMap(({ streams }) => streams)
  expect(sending?.queuedBytes).toBeLessThan(1024 * 1024)
  await reader.read(4 * 1024 * 1024)
  await settle(50)
  expect(sending?.queuedBytes).toBeLessThan(1024 * 1024)
  stream.abort(new Error('enough'))
  await until('the remote has noticed', () => far.inspect().counts.inboundStreams === 0)
})

test.each([
  ['sends no request', 0],
  ['sends half a request', 4],
  ['never ends its upload', 1000],
  ['reads no answer', undefined]
])('a peer that %s is given up in time', async (_, bytes) => {
  const clock = new ManualClock()
  const { near, far } = await pair({ stallTimeoutMs: 5000 }, clock)
  const stream = await near.openStream(far.peerId, protocol, { optimistic: false })
  stream.pause()
  if (bytes === undefined) {
    stream.send(request(2n ** 40n))
    await stream.closeWrite()
  } else if (bytes > 0) {
    stream.send(new Uint8Array(bytes))
  }
  await settle(50)
  expect(far.inspect().counts.inboundStreams).toBe(1)
  for (let at = 0; at < 3; at++) await clock.advance(5000)
  await until('the remote has noticed', () => far.inspect().counts.inboundStreams === 0)
  await until('no timer is left', () => clock.pending === 0)
})

test('a run with a remote that does nothing ends in time, and one that moves goes on', async () => {
  const clock = new ManualClock()
  const { near, far } = await pair({ stallTimeoutMs: 5000 }, clock)
  let send: (() => void) | undefined
  await far.unhandle(protocol)
  await far.handle(protocol, (stream) => {
    send = () => void stream.send(new Uint8Array(1))
  })
  let failure: { code?: string } | undefined
  near.services.perf
    .run(far.peerId, { uploadBytes: 0, downloadBytes: 100 })
    .catch((error: { code?: string }) => (failure = error))
  await until('it was asked', () => send !== undefined)
  for (let at = 0; at < 10; at++) {
    await clock.advance(3000)
    send?.()
    await settle(20)
  }
  expect(failure).toBeUndefined()
  for (let at = 0; at < 2; at++) await clock.advance(5000)
  await until('it has ended', () => failure !== undefined)
  expect(failure).toMatchObject({ code: 'ERR_TIMEOUT', remote: true })
})
