import { multiaddr } from '@multiformats/multiaddr'
import { until } from '@peerloom/conformance'
import { type Channel, type NodeContext, systemClock, systemRandom, type Upgrader } from '@peerloom/interface'
import { tcp } from '@peerloom/tcp'
import { webSockets } from '@peerloom/websockets'
import { createServer, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import { parseWebSocketAddress } from '../src/address.ts'
import { answerUpgrade } from '../src/handshake.ts'
import { HttpHeadReader } from '../src/http-head.ts'
import { wsNode } from './nodes.ts'
import { frame } from './raw-client.ts'

const transport = () => webSockets()({ clock: systemClock, random: systemRandom } as NodeContext)

test.each([
  ['/ip4/1.2.3.4/tcp/4001/ws', { host: '1.2.3.4', port: 4001, secure: false, path: '/' }],
  ['/ip6/2001:db8::1/tcp/4001/wss', { host: '2001:db8::1', family: 6, secure: true }],
  ['/ip6zone/eth0/ip6/fe80::1/tcp/4001/ws', { host: 'fe80::1%eth0' }],
  ['/dns4/a.example/tcp/4001/tls/ws', { host: 'a.example', family: 4, isName: true, secure: true }],
  ['/dns/a.example/wss', { port: 443, family: 0 }],
  ['/ip4/1.2.3.4/ws', { port: 80 }],
  ['/ip4/1.2.3.4/tcp/1/tls/sni/a.example/ws', { sni: 'a.example', host: '1.2.3.4' }],
  ['/dns/a.example/wss/http-path/path%2Fto%2Fendpoint', { path: '/path/to/endpoint', hasPath: true }],
  ['/ip4/1.2.3.4/tcp/1/ws/http-path/a%20b%0d%0ax%3fy%23z', { path: '/a%20b%0D%0Ax%3Fy%23z' }]
])('%s is understood', (address, expected) => {
  expect(parseWebSocketAddress(multiaddr(address))).toMatchObject(expected)
})

test.each([
  '/ip4/1.2.3.4/tcp/4001',
  '/ip4/1.2.3.4/udp/4001/ws',
  '/ip4/1.2.3.4/tcp/4001/wss/ws',
  '/ip4/1.2.3.4/tcp/4001/tls',
  '/ip4/1.2.3.4/tcp/4001/http',
  '/ip6zone/eth0/ip4/1.2.3.4/tcp/4001/ws',
  '/dnsaddr/a.example/tcp/4001/ws',
  '/dns4/a b/tcp/1/ws',
  '/dns4/a:b/tcp/1/ws',
  '/ip4/1.2.3.4/tcp/4001/tls/sni/a b/ws',
  '/ip4/1.2.3.4/tcp/1/ws/p2p/12D3KooWJ5zkTDdXTmeA4eGhmQx4rQZTVYMJbQQjaTwh2wnLqcvk/p2p-circuit'
])('%s is not for WebSockets', (address) => {
  expect(transport().canDial(multiaddr(address))).toBe(false)
})

test('names are dialled and not listened on', () => {
  expect(transport().canDial(multiaddr('/dns4/a.example/tcp/1/ws'))).toBe(true)
  expect(transport().canListen(multiaddr('/dns4/a.example/tcp/1/ws'))).toBe(false)
})

test.each([
  ['/ip4/0.0.0.0/tcp/0/ws', 'IPv4'],
  ['/ip6/::/tcp/0/ws', 'IPv6']
] as const)('listening on %s tells the addresses of the interfaces', async (address, family) => {
  const listener = transport().createListener({ upgrader: {} as Upgrader })
  await listener.listen(multiaddr(address))
  const told = listener.addresses().map((one) => one.getComponents())
  const interfaces = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const expected = interfaces.filter((one) => one.family === family && !one.address.startsWith('fe80:'))
  expect(new Set(told.map(([ip]) => ip?.value))).toEqual(new Set(expected.map((one) => one.address)))
  expect(told.every(([, port, ws]) => Number(port?.value) > 0 && ws?.name === 'ws')).toBe(true)
  await listener.close()
})

/** A channel of ours to a server that a test plays. */
async function channelTo(serve: (socket: Socket, request: string) => void): Promise<{ dialled: Promise<Channel> }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    const head = new HttpHeadReader()
    const onData = (bytes: Buffer): void => {
      const complete = head.push(bytes)
      if (complete === undefined) return
      socket.off('data', onData)
      serve(socket, complete.headers.get('sec-websocket-key') ?? '')
    }
    socket.on('data', onData).on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const address = multiaddr(`/ip4/127.0.0.1/tcp/${(server.address() as { port: number }).port}/ws`)
  const upgradeOutbound = (channel: Channel) => Promise.resolve(channel)
  const dialled = transport().dial(address, { upgrader: { upgradeOutbound } as unknown as Upgrader })
  return { dialled: dialled as unknown as Promise<Channel> }
}

const answerTo = (key: string): string => {
  const headers = {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-version': '13',
    'sec-websocket-key': key
  }
  return answerUpgrade('GET', '/', (name) => (headers as Record<string, string>)[name], undefined) as string
}

test.each([
  ['another status', () => 'HTTP/1.1 200 OK\r\n\r\n', /answered 200/],
  ['no HTTP', () => '\x13/multistream/1.0.0\n\r\n\r\n', /not HTTP/],
  ['the answer to another request', () => answerTo('AAAAAAAAAAAAAAAAAAAAAA=='), /another request/],
  [
    'an extension',
    (key: string) => answerTo(key).replace(/\r\n\r\n$/, '\r\nSec-WebSocket-Extensions: x\r\n\r\n'),
    /nobody/
  ],
  ['endless headers', () => `HTTP/1.1 101 x\r\n${'a: b\r\n'.repeat(4000)}`, /16384/],
  ['nothing', () => undefined, /closed the connection/]
])('a server that answers with %s is not reached', async (_, answer, message) => {
  const { dialled } = await channelTo((socket, key) => {
    const text = answer(key)
    if (text === undefined) socket.end()
    else socket.write(text)
  })
  await expect(dialled).rejects.toMatchObject({ code: 'ERR_ADDRESS_UNREACHABLE', message })
})

test('a server that never answers is given up in time', async () => {
  const address = await new Promise<string>((resolve) => {
    const sockets: Socket[] = []
    const server = createServer((socket) => sockets.push(socket))
    onTestFinished(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    server.listen(0, '127.0.0.1', () => {
      resolve(`/ip4/127.0.0.1/tcp/${(server.address() as { port: number }).port}`)
    })
  })
  const node = await wsNode([], { handshakeTimeoutMs: 50 })
  onTestFinished(() => node.stop())
  for (const suffix of ['/ws', '/tls/ws']) {
    await expect(node.dial(address + suffix)).rejects.toMatchObject({ code: 'ERR_DIAL', message: /ERR_TIMEOUT/ })
  }
})

test('everything that is sent in one turn is one masked message, and nothing that was given is changed', async () => {
  const heads: Buffer[] = []
  let total = 0
  const { dialled } = await channelTo((socket, key) => {
    socket.write(answerTo(key))
    socket.on('data', (bytes) => {
      heads.push(bytes.subarray(0, 4))
      total += bytes.length
    })
  })
  const channel = await dialled
  const given = new Uint8Array(10).fill(9)
  for (let turn = 1; turn <= 3; turn++) {
    for (let at = 0; at < 100; at++) channel.send(given)
    await until('they have arrived', () => total === turn * (4 + 4 + 1000))
  }
  expect(heads.map((head) => head.toString('hex'))).toEqual(['82fe03e8', '82fe03e8', '82fe03e8'])
  expect(given).toEqual(new Uint8Array(10).fill(9))
  channel.abort(new Error('the test is over'))
})

test('what comes right behind the upgrade is not lost', async () => {
  const { dialled } = await channelTo((socket, key) => {
    socket.write(Buffer.concat([Buffer.from(answerTo(key)), frame(2, 'first words', { masked: false })]))
  })
  const channel = await dialled
  let text = ''
  channel.attach({ data: (bytes) => (text += Buffer.from(bytes).toString()), end() {}, closed() {} })
  await until('they are read', () => text === 'first words')
  channel.abort(new Error('the test is over'))
})

test('everything that was queued leaves before our end, and what the remote sends until its own is read', async () => {
  let received = 0
  let remote: Socket | undefined
  const { dialled } = await channelTo((socket, key) => {
    remote = socket
    socket.write(answerTo(key))
    socket.on('data', (bytes) => (received += bytes.length))
  })
  const channel = await dialled
  let text = ''
  let over: Error | 'in order' | undefined
  channel.attach({
    data: (bytes) => (text += Buffer.from(bytes).toString()),
    end() {},
    closed: (error) => (over = error ?? 'in order')
  })
  for (let at = 0; at < 40; at++) channel.send(new Uint8Array(50_000))
  await channel.closeWrite()
  await until('it has all arrived', () => received > 2_000_000)
  remote?.write(
    Buffer.concat([frame(2, 'late', { masked: false }), frame(8, Uint8Array.of(3, 0xe8), { masked: false })])
  )
  await until('the channel is over', () => over !== undefined)
  expect([text, over]).toEqual(['late', 'in order'])
})

test.each(['ip4/127.0.0.1', 'ip6/::1'])('TCP and WebSockets share a port of %s, and leave it free', async (ip) => {
  const first = await wsNode([`/${ip}/tcp/0/ws`])
  const port = first.multiaddrs()[0]?.getComponents()[1]?.value
  await first.stop()
  const listen = [`/${ip}/tcp/${port}`, `/${ip}/tcp/${port}/ws`]
  for (const order of [listen, listen.toReversed()]) {
    const both = await wsNode(order, {}, [tcp()])
    const dialer = await wsNode([], {}, [tcp()])
    const transports = []
    for (const address of both.multiaddrs()) {
      transports.push((await dialer.dial(address, { force: true })).transport)
    }
    expect(transports.toSorted()).toEqual(['tcp', 'ws'])
    await expect(wsNode([`/${ip}/tcp/${port}/ws`])).rejects.toMatchObject({ code: 'ERR_LISTEN' })
    await Promise.all([dialer.stop(), both.stop()])
  }
})
