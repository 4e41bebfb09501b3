import type { Connection, Stream, StreamHandler } from '@peerloom/interface'
import { byteReader } from '@peerloom/streams'
import { describe, expect, onTestFinished, test } from 'vitest'
import { until } from './until.ts'

/** As much of a node as the suite drives. */
export interface ConnectedNode {
  handle(protocol: string, handler: StreamHandler): Promise<void>
  readonly connections: { list(): readonly Connection[] }
}

/** Two nodes with one connection between them, made by the transport under test. */
export interface ConnectedNodes {
  readonly dialer: ConnectedNode
  readonly listener: ConnectedNode
  /** The dialling node's end. */
  readonly connection: Connection
  stop(): Promise<void>
}

export interface ConnectionsOptions {
  /**
   * How often a test may be repeated, for engines of others that lose a packet's work now and then (the package's README says
   * which). Default 0: a test that fails once has failed.
   */
  readonly enginePardon?: number
}

const mebibyte = 1024 * 1024

/** Bytes that tell their place, so that a lost, repeated or swapped piece is seen. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) bytes[at] = (at ^ (at >>> 8) ^ (at >>> 16)) & 0xff
  return bytes
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream) {
    chunks.push(chunk.slice())
    length += chunk.length
  }
  const all = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

const echo: StreamHandler = async (stream) => {
  for await (const bytes of stream) await stream.write(bytes.slice())
  await stream.close()
}

/** First place where two runs of bytes differ, -1 for none: quicker and shorter to report than a matcher. */
function firstDifference(one: Uint8Array, two: Uint8Array): number {
  if (one.length !== two.length) return Math.min(one.length, two.length)
  return one.findIndex((byte, at) => byte !== two[at])
}

/**
 * What every transport promises of the connections it ends in, whoever secures and muxes them. For transports that bring
 * both themselves (QUIC, WebRTC, WebTransport) it takes the place of `testTransport`.
 */
export function testConnections(
  name: string,
  connect: () => Promise<ConnectedNodes>,
  { enginePardon = 0 }: ConnectionsOptions = {}
): void {
  describe(`connections over ${name}`, { retry: enginePardon }, () => {
    async function connected(protocol: string, handler: StreamHandler): Promise<ConnectedNodes> {
      const nodes = await connect()
      onTestFinished(() => nodes.stop())
      await nodes.listener.handle(protocol, handler)
      return nodes
    }

    test('both ends know the same of each other', async () => {
      const { connection, listener } = await connected('/echo/1', echo)
      await until('the listener has the connection', () => listener.connections.list().length === 1)
      const other = listener.connections.list()[0] as Connection
      expect([connection.direction, other.direction]).toEqual(['outbound', 'inbound'])
      expect(other.transport).toBe(connection.transport)
      expect(other.security).toBe(connection.security)
      expect(other.muxer).toBe(connection.muxer)
      expect(connection.remotePeer.equals(other.remotePeer)).toBe(false)
      expect(connection.remoteKey).toBeDefined()
    })

    test('10 MiB come back as they went', async () => {
      const { connection } = await connected('/echo/1', echo)
      const stream = await connection.openStream('/echo/1')
      const sent = pattern(10 * mebibyte)
      const receiving = readAll(stream)
      for (let at = 0; at < sent.length; at += 65_536) await stream.write(sent.slice(at, at + 65_536))
      await stream.closeWrite()
      expect(firstDifference(await receiving, sent)).toBe(-1)
      await until('the stream is over', () => stream.status === 'closed')
    })

    test('what a reader keeps stays as it was, beside readers that keep nothing', async () => {
      const ended = new Set<string>()
      let skimmed = 0
      // One keeps every third chunk and passes it on, twice: it has not said that it is the last to look at it.
      const kept: Uint8Array[] = []
      const forward: Stream[] = []
      const { connection, listener } = await connected('/skim/1', (stream) => {
        stream.attach({
          transient: true,
          data: (bytes) => void (skimmed += bytes.length),
          end: () => void ended.add('skim'),
          closed() {}
        })
      })
      await listener.handle('/forward/1', (stream) => void forward.push(stream))
      await listener.handle('/keep/1', (stream) => {
        let [count, unkeptBytes] = [0, 0]
        stream.attach({
          data(bytes) {
            unkeptBytes = count++ % 3 === 0 ? 0 : bytes.length
            if (unkeptBytes > 0) return
            kept.push(bytes)
            for (const other of forward) other.send(bytes)
          },
          get unkeptBytes() {
            return unkeptBytes
          },
          end: () => void ended.add('keep'),
          closed() {}
        })
      })
      const [skim, keep, ...forwarded] = await Promise.all(
        ['/skim/1', '/keep/1', '/forward/1', '/forward/1'].map((protocol) => connection.openStream(protocol))
      )
      for (const stream of forwarded) await stream.write(pattern(1))
      await until('both streams to forward to are there', () => forward.length === 2)
      const readers = forwarded.map((stream) => readAll(stream))
      const same = new Uint8Array(40_000).fill(7)
      for (let round = 0; round < 100; round++) {
        await Promise.all([skim?.write(pattern(50_000)), keep?.write(same.slice())])
      }
      await Promise.all([skim?.closeWrite(), keep?.closeWrite()])
      await until('all is read', () => ended.size === 2)
      expect(skimmed).toBe(100 * 50_000)
      await Promise.all(forward.map((stream) => stream.closeWrite()))
      const heard = await Promise.all(readers)
      const length = kept.reduce((sum, { length: bytes }) => sum + bytes, 0)
      expect(length).toBeGreaterThan(0)
      expect(kept.every((bytes) => bytes.length > 0 && bytes.every((byte) => byte === 7))).toBe(true)
      for (const bytes of heard) expect([bytes.length, bytes.every((byte) => byte === 7)]).toEqual([length, true])
    })

    test('chunks are what they were until the next is asked for, for who is done with each', async () => {
      const sent = pattern(2 * mebibyte)
      let [at, different] = [0, 0]
      const { connection } = await connected('/transient/1', async (stream) => {
        for await (const bytes of stream.transient) {
          await Promise.resolve()
          if (firstDifference(bytes, sent.subarray(at, at + bytes.length)) !== -1) different++
          at += bytes.length
        }
        await stream.close()
      })
      const stream = await connection.openStream('/transient/1')
      for (let start = 0; start < sent.length; start += 50_000) await stream.write(sent.slice(start, start + 50_000))
      await stream.closeWrite()
      expect(await readAll(stream)).toHaveLength(0)
      expect([at, different]).toEqual([sent.length, 0])
    })

    test('half a stream closes: what the other half says afterwards arrives', async () => {
      const { connection } = await connected('/half/1', async (stream) => {
        const asked = await readAll(stream)
        await stream.write(pattern(asked.length * 100))
        await stream.close()
      })
      const stream = await connection.openStream('/half/1')
      await stream.write(pattern(1000))
      await stream.closeWrite()
      expect(firstDifference(await readAll(stream), pattern(100_000))).toBe(-1)
    })

    test('a reset ends its stream at both ends and no other', async () => {
      let inbound: Stream | undefined
      const { connection } = await connected('/hold/1', (stream) => {
        inbound = stream
      })
      const other = await connection.openStream('/hold/1')
      await other.write(pattern(10))
      await until('the first stream is served', () => inbound !== undefined)
      const kept = inbound as Stream
      inbound = undefined
      const stream = await connection.openStream('/hold/1')
      await stream.write(pattern(10))
      await until('the stream is served', () => inbound !== undefined)
      stream.abort(new Error('enough'))
      await until('the far end is reset', () => inbound?.status === 'reset')
      expect(kept.status).toBe('open')
      expect(connection.status).toBe('open')
    })

    test('the serving end can reset a stream as well', async () => {
      const { connection } = await connected('/refuse/1', (stream) => stream.abort(new Error('no')))
      const stream = await connection.openStream('/refuse/1')
      stream.write(pattern(10)).catch(() => {})
      await until('our end is reset', () => stream.status === 'reset')
      expect(connection.status).toBe('open')
    })

    test('100 streams at once, each with its own bytes', async () => {
      const { connection } = await connected('/echo/1', echo)
      const answers = await Promise.all(
        Array.from({ length: 100 }, async (_, at) => {
          const stream = await connection.openStream('/echo/1')
          const sent = pattern(20_000).fill(at, 0, 100)
          await stream.write(sent.slice())
          await stream.closeWrite()
          return firstDifference(await readAll(stream), sent)
        })
      )
      expect(answers).toEqual(Array.from({ length: 100 }, () => -1))
      await until('no stream is left', () => connection.streams.length === 0)
    })

    test('the listening end opens streams too', async () => {
      const nodes = await connected('/echo/1', echo)
      await nodes.dialer.handle('/echo/1', echo)
      await until('the listener has the connection', () => nodes.listener.connections.list().length === 1)
      const stream = await (nodes.listener.connections.list()[0] as Connection).openStream('/echo/1')
      await stream.write(pattern(1000))
      const reader = byteReader(stream)
      expect(firstDifference(await reader.read(1000), pattern(1000))).toBe(-1)
      reader.release()
      await stream.close()
    })

    test('a reader that takes nothing stops the writer', async () => {
      const { connection } = await connected('/deaf/1', (stream) => stream.pause())
      const stream = await connection.openStream('/deaf/1')
      const chunk = 256 * 1024
      let accepted = 0
      // However much a line may hold, 64 MiB are more.
      while (stream.writable && accepted < 64 * mebibyte) {
        stream.send(new Uint8Array(chunk))
        accepted += chunk
        await Promise.race([stream.drained(), new Promise((resolve) => setTimeout(resolve, 500))])
      }
      expect(accepted).toBeLessThan(64 * mebibyte)
      stream.abort(new Error('the test is over'))
    })

    test('closing the connection ends it at both ends', async () => {
      const { connection, listener } = await connected('/echo/1', echo)
      await until('the listener has the connection', () => listener.connections.list().length === 1)
      await connection.close()
      expect(connection.status).toBe('closed')
      await until('the listener has none', () => listener.connections.list().length === 0)
      await expect(connection.openStream('/echo/1')).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
    })

    test('losing the connection resets its streams', async () => {
      const { connection, listener } = await connected('/hold/1', () => {})
      const stream = await connection.openStream('/hold/1')
      await stream.write(pattern(10))
      await until('the listener has the connection', () => listener.connections.list().length === 1)
      ;(listener.connections.list()[0] as Connection).abort(new Error('lost'))
      await until('our stream is over', () => stream.status === 'reset')
      await until('our connection is over', () => connection.status === 'closed')
    })
  })
}
