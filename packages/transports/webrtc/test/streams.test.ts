import { until } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import type { Connection, Stream } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { webRTCDirect, type WebRTCDirectOptions } from '@peerloom/webrtc'
import { describe, expect, onTestFinished, test, vi } from 'vitest'

async function connected(options?: WebRTCDirectOptions) {
  const modules = { transports: [webRTCDirect(options)], connectionEncryption: [noise()] }
  const listener = await createNode({ ...modules, addresses: { listen: ['/ip4/127.0.0.1/udp/0/webrtc-direct'] } })
  const dialer = await createNode(modules)
  onTestFinished(async () => void (await Promise.all([dialer.stop(), listener.stop()])))
  await listener.handle('/echo/1', async (stream) => {
    for await (const bytes of stream) await stream.write(bytes)
    await stream.close()
  })
  return { dialer, listener, connection: await dialer.dial(listener.multiaddrs()) }
}

async function roundTrip(connection: Connection, mark: number): Promise<void> {
  const stream = await connection.openStream('/echo/1')
  await stream.write(new Uint8Array(3000).fill(mark))
  void stream.closeWrite()
  let got = 0
  for await (const bytes of stream) got += bytes.filter((byte) => byte === mark).length
  expect(got).toBe(3000)
}

describe('streams of one connection', () => {
  test('1,000 are opened, used and closed, 16 at a time: their ids are used again and none is mistaken', async () => {
    const { connection, listener } = await connected()
    let left = 1000
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (left-- > 0) await roundTrip(connection, left & 0xff)
      })
    )
    await until('none is left', () => connection.streams.length === 0)
    await until('none is left over there', () => listener.connections.list()[0]?.streams.length === 0)
  })

  test('100 that the listening end opens the moment it knows the connection, before the dialling end does', async () => {
    const { dialer, listener } = await connected()
    const echo = async (stream: Stream): Promise<void> => stream.sink(stream)
    await dialer.handle('/echo/1', echo)
    const trips = new Promise<void>((resolve, reject) => {
      listener.events.on('connection:open', (connection) => {
        const all = Array.from({ length: 100 }, async (_, at) => roundTrip(connection, at + 1))
        Promise.all(all).then(() => resolve(), reject)
      })
    })
    await dialer.dial(listener.multiaddrs(), { force: true })
    await trips
  })

  test('more than the engine has ids for are refused, and there is room again when some are closed', async () => {
    const { connection } = await connected({ maxInboundStreams: 1024 })
    const open = []
    let refused: unknown
    while (refused === undefined && open.length < 2000) {
      try {
        open.push(await connection.openStream('/echo/1'))
      } catch (error) {
        refused = error
      }
    }
    expect(refused).toMatchObject({ code: 'ERR_LIMIT' })
    expect(open.length).toBeGreaterThan(400)
    expect(connection.status).toBe('open')
    await Promise.all(open.map(async (stream) => stream.close()))
    await until('none is left', () => connection.streams.length === 0)
    // An id is free when the other end has closed its channel too.
    await vi.waitFor(async () => roundTrip(connection, 1), { timeout: 10_000 })
  })

  test('more than we let a remote open are refused, and the connection lives', async () => {
    const { connection, listener } = await connected({ maxInboundStreams: 8 })
    await until('it is there', () => listener.connections.list().length === 1)
    const streams = await Promise.all(Array.from({ length: 20 }, async () => connection.openStream('/echo/1')))
    for (const stream of streams) stream.write(new Uint8Array(10)).catch(() => {})
    await until('twelve are refused', () => streams.filter(({ status }) => status === 'reset').length === 12)
    expect(connection.status).toBe('open')
  })
})
