import { seededRandom, until, fuzzInputs as packets, fuzzSeed as seed } from '@peerloom/conformance'
import type { Connection } from '@peerloom/interface'
import type { QuicOptions } from '@peerloom/quic'
import { createSocket, type Socket } from 'node:dgram'
import { describe, expect, onTestFinished, test } from 'vitest'
import { makeNode } from './nodes.ts'

async function boundSocket(): Promise<{ socket: Socket; port: number }> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  onTestFinished(() => void socket.close())
  return { socket, port: socket.address().port }
}

describe.each(['quinn', 'quiche'] as const)('QUIC by %s', (engine) => {
  const make = (listen: string[], options?: QuicOptions, more?: Parameters<typeof makeNode>[2]) =>
    makeNode(listen, { engine, ...options }, more)

  /** The first packet that a real client sends. */
  async function realInitial(): Promise<Uint8Array> {
    const { socket, port } = await boundSocket()
    const packet = new Promise<Uint8Array>((resolve) => socket.once('message', resolve))
    const dialer = await make([], { handshakeTimeoutMs: 100 })
    await dialer.dial(`/ip4/127.0.0.1/udp/${port}/quic-v1`).catch(() => {})
    await dialer.stop()
    return packet
  }

  test(
    `${packets} broken packets leave a listener as it was`,
    async () => {
      const listener = await make(['/ip4/127.0.0.1/udp/0/quic-v1'], { idleTimeoutMs: 1000 })
      onTestFinished(() => listener.stop())
      const port = Number(String(listener.multiaddrs()[0]).split('/')[4])
      const initial = await realInitial()
      expect(initial.length).toBeGreaterThanOrEqual(1200)
      const { socket } = await boundSocket()
      console.info(`seed ${seed}`)
      const below = seededRandom(seed)
      const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => below(256))
      const send = (packet: Uint8Array): Promise<void> =>
        new Promise((resolve) => socket.send(packet, port, '127.0.0.1', () => resolve()))
      const broken = (): Uint8Array => {
        const packet = initial.slice()
        switch (below(5)) {
          case 0: // noise
            return noise(1 + below(1400))
          case 1: // cut off
            return packet.subarray(0, 1 + below(packet.length))
          case 2: // the header of an Initial, and noise behind it
            packet.set(noise(packet.length - 30), 30)
            return packet
          case 3: // a new connection id each: seems to be a new client, and fails to decrypt
            packet.set(noise(8), 6)
            return packet
          default: // some bits turned
            for (let flips = 1 + below(8); flips > 0; flips--) packet[below(packet.length)]! ^= 1 << below(8)
            return packet
        }
      }
      for (let warm = 0; warm < 1000; warm++) await send(broken())
      const before = process.memoryUsage.rss()
      for (let sent = 0; sent < packets; sent++) await send(broken())
      expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 2 ** 20)
      const dialer = await make([])
      onTestFinished(() => dialer.stop())
      const connection: Connection = await dialer.dial(listener.multiaddrs())
      expect(connection.status).toBe('open')
    },
    Math.max(120_000, packets * 5)
  )

  test('remotes that never finish their handshake do not hold others up', async () => {
    const listener = await make(['/ip4/127.0.0.1/udp/0/quic-v1'], { idleTimeoutMs: 5000 })
    onTestFinished(() => listener.stop())
    const port = Number(String(listener.multiaddrs()[0]).split('/')[4])
    // Each first packet is one of a real client, which says no more.
    const stalled = Array.from({ length: 100 }, () => realInitial())
    const { socket } = await boundSocket()
    for (const packet of await Promise.all(stalled)) socket.send(packet, port, '127.0.0.1')
    const dialer = await make([])
    onTestFinished(() => dialer.stop())
    await dialer.dial(listener.multiaddrs())
    await until('the listener has one connection', () => listener.connections.list().length === 1)
  })

  test('streams that are opened and reset without end stay inside the limits', async () => {
    const listener = await make(['/ip4/127.0.0.1/udp/0/quic-v1'])
    const dialer = await make([])
    onTestFinished(() => Promise.all([listener.stop(), dialer.stop()]).then(() => {}))
    await listener.handle('/hold/1', () => {})
    const connection = await dialer.dial(listener.multiaddrs())
    await until('the listener has the connection', () => listener.connections.list().length === 1)
    const inbound = listener.connections.list()[0] as Connection
    let most = 0
    for (let round = 0; round < 40; round++) {
      const streams = await Promise.all(Array.from({ length: 50 }, () => connection.openStream('/hold/1')))
      for (const stream of streams) stream.abort(new Error('no'))
      most = Math.max(most, inbound.streams.length)
    }
    expect(most).toBeLessThanOrEqual(256)
    await until('all are gone at both ends', () => inbound.streams.length + connection.streams.length === 0)
  })
})
