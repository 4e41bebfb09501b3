import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { CountingScope, until } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { generateKey } from '@peerloom/identity'
import {
  type AdoptOptions,
  type ConnectionProtector,
  defineModule,
  type MuxedStream,
  type NodeContext,
  type Stream,
  systemClock,
  systemRandom,
  type Upgrader
} from '@peerloom/interface'
import { quic, type QuicOptions } from '@peerloom/quic'
import { createSocket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connectedNodes, makeNode } from './nodes.ts'

const portOf = (address: unknown): number => Number(String(address).split('/')[4])

/** Whether nothing holds the UDP port. */
function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    socket.once('error', () => resolve(false))
    socket.bind({ port, address: host, exclusive: true }, () => socket.close(() => resolve(true)))
  })
}

test.each([
  ['/ip4/1.2.3.4/udp/4001/quic-v1', true],
  ['/ip6/2001:db8::1/udp/4001/quic-v1', true],
  ['/ip4/1.2.3.4/udp/4001/quic-v1/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA', true],
  ['/ip4/1.2.3.4/udp/4001/quic', false],
  ['/ip4/1.2.3.4/udp/4001', false],
  ['/ip4/1.2.3.4/udp/4001/quic-v1/webtransport', false],
  ['/ip4/1.2.3.4/tcp/4001', false],
  ['/dns4/a.example/udp/4001/quic-v1', false]
])('%s is dialled and listened on: %s', (address, dials) => {
  const transport = quic()({ clock: systemClock, capability: () => undefined } as unknown as NodeContext)
  expect(transport.canDial(multiaddr(address))).toBe(dials)
  expect(transport.canListen(multiaddr(address))).toBe(dials)
})

describe.each(['quinn', 'quiche'] as const)('QUIC by %s', (engine) => {
  const make = (listen: string[], options?: QuicOptions, more?: Parameters<typeof makeNode>[2]) =>
    makeNode(listen, { engine, ...options }, more)
  const connected = (dialling?: QuicOptions, listening?: QuicOptions) =>
    connectedNodes('/ip4/127.0.0.1', { engine, ...dialling }, { engine, ...listening })

  test.each([
    ['/ip4/0.0.0.0/udp/0/quic-v1', 'IPv4'],
    ['/ip6/::/udp/0/quic-v1', 'IPv6']
  ] as const)('listening on %s tells the addresses of the interfaces, each with the port', async (address, family) => {
    const node = await make([address])
    onTestFinished(() => node.stop())
    const told = node.multiaddrs().map((one) => one.getComponents())
    const expected = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter((one) => one.family === family && !one.address.startsWith('fe80:'))
    expect(new Set(told.map(([ip]) => ip?.value))).toEqual(new Set(expected.map((one) => one.address)))
    expect(told.every(([, udp]) => Number(udp?.value) > 0)).toBe(true)
  })

  test('stopping frees the port, also when connections were open', async () => {
    const { listener, stop } = await connected()
    const port = portOf(listener.multiaddrs()[0])
    expect(await isFree(port)).toBe(false)
    await stop()
    expect(await isFree(port)).toBe(true)
  })

  test('a node that was stopped can be started again on its port', async () => {
    const first = await make(['/ip4/127.0.0.1/udp/0/quic-v1'])
    const port = portOf(first.multiaddrs()[0])
    await first.stop()
    const second = await make([`/ip4/127.0.0.1/udp/${port}/quic-v1`])
    onTestFinished(() => second.stop())
    const dialer = await make([])
    onTestFinished(() => dialer.stop())
    expect((await dialer.dial(second.multiaddrs())).status).toBe('open')
  })

  test('a port that is taken fails with ERR_LISTEN and names the address', async () => {
    const node = await make(['/ip4/127.0.0.1/udp/0/quic-v1'])
    onTestFinished(() => node.stop())
    const address = `/ip4/127.0.0.1/udp/${portOf(node.multiaddrs()[0])}/quic-v1`
    await expect(make([address])).rejects.toMatchObject({ code: 'ERR_LISTEN' })
  })

  test('the peer that answers has to be the one that was dialled', async () => {
    const listener = await make(['/ip4/127.0.0.1/udp/0/quic-v1'])
    const other = await make([])
    onTestFinished(() => Promise.all([listener.stop(), other.stop()]).then(() => {}))
    const address = String(listener.multiaddrs()[0]).replace(String(listener.peerId), String(other.peerId))
    const dialer = await make([])
    onTestFinished(() => dialer.stop())
    await expect(dialer.dial(address)).rejects.toMatchObject({
      attempts: [{ code: 'ERR_WRONG_PEER' }]
    })
    await until('the listener has no connection left', () => listener.connections.list().length === 0)
  })

  test('an address where nobody listens fails inside the bound, and leaves nothing behind', async () => {
    const dialer = await make([], { handshakeTimeoutMs: 200 })
    onTestFinished(() => dialer.stop())
    await expect(dialer.dial('/ip4/127.0.0.1/udp/1/quic-v1')).rejects.toMatchObject({
      attempts: [{ code: 'ERR_TIMEOUT' }]
    })
  })

  test('a dial that is aborted ends at once', async () => {
    const dialer = await make([])
    onTestFinished(() => dialer.stop())
    const abort = new AbortController()
    const dialling = dialer.dial('/ip4/127.0.0.1/udp/1/quic-v1', { signal: abort.signal })
    abort.abort(new Error('changed my mind'))
    await expect(dialling).rejects.toThrow('changed my mind')
  })

  test('QUIC refuses to be a part of a private network', async () => {
    const protector: ConnectionProtector = { fingerprint: 'ab', protect: (channel) => Promise.resolve(channel) }
    const connectionProtector = defineModule({ name: 'pnet', create: () => protector })
    await expect(createNode({ start: false, connectionProtector, transports: [quic()] })).rejects.toMatchObject({
      code: 'ERR_MODULE_CONFLICT'
    })
  })

  test('closing a listener frees its port with the last connection on it, and takes no new ones', async () => {
    const privateKey = await generateKey()
    const context = {
      clock: systemClock,
      random: systemRandom,
      log: () => ({ enabled: false, debug() {}, error() {} }),
      publicKey: privateKey.publicKey,
      sign: (data: Uint8Array) => privateKey.sign(data),
      capability: () => privateKey
    } as unknown as NodeContext
    const adopted: AdoptOptions[] = []
    const upgrader = {
      acceptInbound: () => true,
      adoptInbound: (options: AdoptOptions) => Promise.resolve(adopted.push(options))
    } as unknown as Upgrader
    const inner = quic({ engine })(context).createListener({ upgrader })
    await inner.listen(multiaddr('/ip4/127.0.0.1/udp/0/quic-v1'))
    const address = inner.addresses()[0] as Multiaddr
    const dialer = await make([])
    onTestFinished(() => dialer.stop())
    const connection = await dialer.dial(address)
    await until('the listener has it', () => adopted.length === 1)
    let inbound: MuxedStream | undefined
    const muxer = (adopted[0] as AdoptOptions).createMuxer({
      role: 'responder',
      limits: new CountingScope(),
      clock: systemClock,
      onStream: (stream) => void (inbound = stream),
      onClose: () => {}
    })
    await inner.close()
    expect(inner.addresses()).toEqual([])
    expect(await isFree(portOf(address))).toBe(false)
    await connection.openStream('/any/1')
    await until('a stream of the old connection arrives', () => inbound !== undefined)
    const late = await make([], { handshakeTimeoutMs: 500 })
    onTestFinished(() => late.stop())
    const refused = await late.dial(address).catch(() => undefined)
    await until('the new one is over', () => refused === undefined || refused.status === 'closed')
    await muxer.close()
    expect(await isFree(portOf(address))).toBe(true)
  })

  test('what was written before an orderly close all arrives', async () => {
    const { listener, connection, stop } = await connected()
    onTestFinished(stop)
    let got = 0
    await listener.handle('/sink/1', (stream) =>
      stream.attach({ data: (bytes) => void (got += bytes.length), end() {}, closed() {} })
    )
    const stream = await connection.openStream('/sink/1')
    for (let at = 0; at < 40; at++) if (!stream.send(new Uint8Array(50_000))) await stream.drained()
    await connection.close()
    await until('it has arrived', () => got === 2_000_000)
  })

  test('a stream over the limit of the remote waits, until one ends', async () => {
    const { listener, connection, stop } = await connected({}, { maxInboundStreams: 2 })
    onTestFinished(stop)
    const inbound: Stream[] = []
    await listener.handle('/hold/1', (stream) => void inbound.push(stream))
    const streams = [await connection.openStream('/hold/1'), await connection.openStream('/hold/1')]
    await expect(connection.openStream('/hold/1', { timeoutMs: 100 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    const third = connection.openStream('/hold/1')
    await until('two are served', () => inbound.length === 2)
    for (const stream of [...streams, ...inbound]) stream.abort(new Error('enough'))
    expect((await third).status).toBe('open')
  })

  test('streams of ours are bounded by the limits, and given back', async () => {
    const { listener, stop } = await connected()
    onTestFinished(stop)
    const dialer = await make([], {}, { limits: { connection: { streamsOutbound: 1 } } })
    onTestFinished(() => dialer.stop())
    await listener.handle('/echo/1', (stream) => void stream.closeWrite())
    const connection = await dialer.dial(listener.multiaddrs())
    const stream = await connection.openStream('/echo/1')
    await expect(connection.openStream('/echo/1')).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    await stream.close()
    await until('it is over', () => connection.streams.length === 0)
    await (await connection.openStream('/echo/1')).close()
  })

  test('inbound streams over the limits are reset', async () => {
    const listener = await make(['/ip4/127.0.0.1/udp/0/quic-v1'], {}, { limits: { connection: { streamsInbound: 1 } } })
    const dialer = await make([])
    onTestFinished(() => Promise.all([listener.stop(), dialer.stop()]).then(() => {}))
    let served = 0
    await listener.handle('/hold/1', () => void served++)
    const connection = await dialer.dial(listener.multiaddrs())
    const first = await connection.openStream('/hold/1')
    await first.write(Uint8Array.of(1))
    await until('the first is served', () => served === 1)
    const second = await connection.openStream('/hold/1')
    second.write(Uint8Array.of(1)).catch(() => {})
    await until('the second is reset', () => second.status === 'reset')
    expect(first.status).toBe('open')
  })

  test('a reader that takes nothing holds memory flat', async () => {
    const { listener, connection, stop } = await connected()
    onTestFinished(stop)
    await listener.handle('/deaf/1', (stream) => stream.pause())
    const before = process.memoryUsage.rss()
    const stream = await connection.openStream('/deaf/1')
    let accepted = 0
    while (stream.writable && accepted < 2 ** 30) {
      stream.send(new Uint8Array(65_536))
      accepted += 65_536
      await Promise.race([stream.drained(), new Promise((resolve) => setTimeout(resolve, 500))])
    }
    // The remote's window, the send buffer of the engine and our own queue.
    expect(accepted).toBeLessThan(24 * 2 ** 20)
    expect(process.memoryUsage.rss() - before).toBeLessThan(96 * 2 ** 20)
  })
})
