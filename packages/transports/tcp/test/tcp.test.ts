import { multiaddr } from '@multiformats/multiaddr'
import { clockOnly, until } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { type Channel, systemClock, type Upgrader } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const transport = () => tcp()(clockOnly(systemClock))
const noUpgrader = {} as Upgrader

/** A channel of ours, and the plain socket at its other end. */
async function channelToSocket(): Promise<{ channel: Channel; socket: Socket }> {
  let socket: Socket | undefined
  const server = createServer((accepted) => (socket = accepted.on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  let channel: Channel | undefined
  const upgradeOutbound = (made: Channel): Promise<never> => {
    channel = made
    return Promise.resolve({} as never)
  }
  const address = multiaddr(`/ip4/127.0.0.1/tcp/${(server.address() as { port: number }).port}`)
  await transport().dial(address, { upgrader: { upgradeOutbound } as unknown as Upgrader })
  await until('the socket is accepted', () => socket !== undefined)
  onTestFinished(() => channel?.abort(new Error('the test is over')))
  return { channel: channel as unknown as Channel, socket: socket as unknown as Socket }
}

test.each([
  ['/ip4/1.2.3.4/tcp/4001', true],
  ['/ip6/2001:db8::1/tcp/4001', true],
  ['/ip6zone/eth0/ip6/fe80::1/tcp/4001', true],
  ['/ip6zone/eth0/ip4/1.2.3.4/tcp/4001', false],
  ['/ip4/1.2.3.4', false],
  ['/ip4/1.2.3.4/udp/4001', false],
  ['/ip4/1.2.3.4/tcp/4001/tls', false],
  ['/dns4/a.example/tcp/4001', false]
])('%s is dialled: %s', (address, dials) => {
  expect(transport().canDial(multiaddr(address))).toBe(dials)
})

test.each([
  ['/ip4/0.0.0.0/tcp/0', 'IPv4'],
  ['/ip6/::/tcp/0', 'IPv6']
] as const)('listening on %s tells the addresses of the interfaces', async (address, family) => {
  const listener = transport().createListener({ upgrader: noUpgrader })
  await listener.listen(multiaddr(address))
  const told = listener.addresses().map((one) => one.getComponents().map(({ value }) => value))
  const interfaces = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const expected = interfaces.filter((one) => one.family === family && !one.address.startsWith('fe80:'))
  expect(new Set(told.map(([ip]) => ip))).toEqual(new Set(expected.map((one) => one.address)))
  expect(told.every(([, port]) => Number(port) > 0)).toBe(true)
  await listener.close()
})

test('everything that is sent in one turn leaves in one piece', async () => {
  const { channel, socket } = await channelToSocket()
  const pieces: number[] = []
  socket.on('data', (bytes) => pieces.push(bytes.length))
  for (let turn = 0; turn < 3; turn++) {
    for (let at = 0; at < 100; at++) channel.send(new Uint8Array(10))
    await until('they have arrived', () => pieces.reduce((sum, bytes) => sum + bytes, 0) === (turn + 1) * 1000)
  }
  expect(pieces).toEqual([1000, 1000, 1000])
})

test('a socket that is lost in the middle is a reset by the remote, with the cause of the system', async () => {
  const { channel, socket } = await channelToSocket()
  let error: Error | undefined
  channel.attach({ data: () => {}, end: () => {}, closed: (cause) => (error = cause) })
  socket.resetAndDestroy()
  await until('the channel is lost', () => error !== undefined)
  expect(error).toMatchObject({ code: 'ERR_CHANNEL_RESET', remote: true, cause: { code: 'ECONNRESET' } })
})

test('what is sent to a remote that closes meanwhile fails in a typed way', async () => {
  const { channel, socket } = await channelToSocket()
  socket.destroy()
  await until('writing fails', () => {
    try {
      channel.send(new Uint8Array(1000))
      return false
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_CHANNEL_RESET', remote: true })
      return true
    }
  })
})

test('bytes that were sent before an orderly close all arrive', async () => {
  const { channel, socket } = await channelToSocket()
  let got = 0
  socket.on('data', (bytes) => (got += bytes.length))
  const ended = new Promise((resolve) => socket.on('end', resolve))
  for (let at = 0; at < 50; at++) channel.send(new Uint8Array(50_000))
  await channel.close()
  await ended
  expect(got).toBe(2_500_000)
})

test.each(['/ip6/::1/tcp/0', 'unix'])('two nodes meet over %s', async (kind) => {
  const directory = mkdtempSync(join(tmpdir(), 'peerloom-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const listen = kind === 'unix' ? `/unix/${encodeURIComponent(join(directory, 'socket').slice(1))}` : kind
  const make = (addresses: string[]) =>
    createNode({
      addresses: { listen: addresses },
      transports: [tcp()],
      connectionEncryption: [noise()],
      streamMuxers: [yamux()]
    })
  const far = await make([listen])
  const near = await make([])
  await far.handle('/echo', (stream) => stream.sink(stream))
  const stream = await near.openStream(far.multiaddrs(), '/echo')
  await stream.write(new Uint8Array(100_000))
  await stream.closeWrite()
  let got = 0
  for await (const bytes of stream) got += bytes.length
  expect(got).toBe(100_000)
  await near.stop()
  await until('it has left', () => far.connections.list().length === 0)
  await far.stop()
})
