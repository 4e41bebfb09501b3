import { multiaddr } from '@multiformats/multiaddr'
import { seededRandom, until, fuzzSeed as seed } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { type ConnectionProtector, defineModule, type NodeContext, systemClock } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { webTransport, type WebTransportOptions } from '@peerloom/webtransport'
import { createSocket } from 'node:dgram'
import { describe, expect, onTestFinished, test } from 'vitest'
import { frame } from '../src/frame-reader.ts'
import { frameType } from '../src/h3-constants.ts'
import { encodeField } from '../src/qpack.ts'
import { ownSettings } from '../src/settings.ts'
import { concat, varint } from '../src/varint.ts'
import { rawClient } from './raw-client.ts'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const path = '/.well-known/libp2p-webtransport?type=noise'
const settings = concat(varint(0), ownSettings())
const request = (at: string): Uint8Array =>
  frame(
    frameType.headers,
    concat(hex('0000 cf d7'), encodeField(':path', at), encodeField(':protocol', 'webtransport'))
  )
const statusOf = (bytes: Uint8Array): number => {
  const [, , , , field, rest] = bytes
  if (field === 0xd9) return 200
  if (field === 0xdb) return 404
  return field === 0xff && rest === 4 ? 400 : 429
}

async function listening(options?: WebTransportOptions) {
  const node = await createNode({
    addresses: { listen: ['/ip4/127.0.0.1/udp/0/quic-v1/webtransport'] },
    transports: [webTransport(options)],
    connectionEncryption: [noise()]
  })
  onTestFinished(() => node.stop())
  return { node, port: Number(String(node.multiaddrs()[0]).split('/')[4]) }
}

test.each([
  ['/ip4/1.2.3.4/udp/4001/quic-v1/webtransport', true],
  ['/ip6/::/udp/4001/quic-v1/webtransport', true],
  ['/dns4/a.example/udp/4001/quic-v1/webtransport', false],
  ['/ip4/1.2.3.4/udp/4001/quic-v1', false],
  ['/ip4/1.2.3.4/tcp/4001', false]
])('%s is listened on in Node: %s', (address, listens) => {
  const log = () => ({ enabled: false, debug() {}, error() {} })
  const transport = webTransport()({ clock: systemClock, log } as unknown as NodeContext)
  expect(transport.canListen(multiaddr(address))).toBe(listens)
  expect(transport.canDial(multiaddr(address))).toBe(false)
})

test('addresses name two certificates and a port, which is free after the stop', async () => {
  const { node, port } = await listening()
  expect(String(node.multiaddrs()[0])).toMatch(/\/webtransport\/certhash\/uEi[\w-]+\/certhash\/uEi[\w-]+\/p2p\//)
  await node.stop()
  const socket = createSocket('udp4')
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, resolve)
  })
  socket.close()
})

test('WebTransport refuses to be a part of a private network', async () => {
  const protector: ConnectionProtector = { fingerprint: 'ab', protect: (channel) => Promise.resolve(channel) }
  const connectionProtector = defineModule({ name: 'pnet', create: () => protector })
  await expect(createNode({ start: false, connectionProtector, transports: [webTransport()] })).rejects.toMatchObject({
    code: 'ERR_MODULE_CONFLICT'
  })
})

describe('a request', () => {
  test('for the path of the specification is granted, a second one is not, others are not found', async () => {
    const { port } = await listening()
    const client = await rawClient(port)
    client.sendUni(settings)
    const wrong = await client.send(request('/else'))
    await until('it is refused', () => wrong.over)
    expect(statusOf(wrong.bytes)).toBe(404)
    const right = await client.send(request(path))
    await until('it is answered', () => right.bytes.length > 0)
    expect(statusOf(right.bytes)).toBe(200)
    expect(right.over).toBe(false)
    const second = await client.send(request(path))
    await until('it is refused', () => second.over)
    expect(statusOf(second.bytes)).toBe(429)
    expect(client.isOver()).toBe(false)
  })

  test('that is none for a session is a bad one', async () => {
    const { port } = await listening()
    const client = await rawClient(port)
    const get = await client.send(frame(frameType.headers, concat(hex('0000 d1 d7'), encodeField(':path', path))))
    await until('it is refused', () => get.over)
    expect(statusOf(get.bytes)).toBe(400)
  })

  test('may come behind the streams of its session, which wait in bounded number', async () => {
    const { port } = await listening()
    const client = await rawClient(port)
    const asked = await client.send(new Uint8Array(0))
    const early = await Promise.all(Array.from({ length: 40 }, () => client.send(hex('4041 00 05'))))
    await until('those over the bound are reset', () => early.filter(({ over }) => over).length >= 23)
    // Code 0 of applications among those of HTTP/3 (draft-ietf-webtrans-http3): go-libp2p takes no other for a reset.
    expect(early.find(({ over }) => over)?.error?.message).toContain(`with code ${0x52e4a40fa8db}`)
    asked.stream.write(request(path))
    await until('it is granted', () => asked.bytes.length > 0)
    expect(statusOf(asked.bytes)).toBe(200)
  })
})

test('who does not get to a session, or in it to a handshake, is let go after a while', async () => {
  const { port } = await listening({ handshakeTimeoutMs: 200 })
  const silent = await rawClient(port)
  const waiting = await rawClient(port)
  await waiting.send(request(path))
  await until('both are gone', () => silent.isOver() && waiting.isOver())
})

test('connections that are not of known peers yet are bounded', async () => {
  const { port } = await listening({ maxHandshakes: 2 })
  const clients = [await rawClient(port), await rawClient(port), await rawClient(port)]
  await until('the last one is refused', () => clients[2]?.isOver() === true)
  expect(clients.slice(0, 2).map((client) => client.isOver())).toEqual([false, false])
})

test('what cannot be read ends its connection and no other', async () => {
  const { node, port } = await listening()
  const kept = await rawClient(port)
  const bad: readonly [name: string, uni: boolean, bytes: Uint8Array][] = [
    ['a huge header section', false, concat(varint(1), varint(1_000_000))],
    ['a dynamic table', false, frame(1, hex('0200'))],
    ['settings cut off', true, concat(varint(0), frame(4, hex('01')))],
    ['huge settings', true, concat(varint(0), varint(4), varint(100_000))]
  ]
  for (const [name, uni, bytes] of bad) {
    const client = await rawClient(port)
    if (uni) client.sendUni(bytes)
    else await client.send(bytes)
    await until(`${name} ends it`, () => client.isOver())
  }
  expect(kept.isOver()).toBe(false)
  expect(node.connections.list()).toHaveLength(0)
})

test('300 streams of noise, on as many connections as it takes, leave the listener as it was', async () => {
  const { port } = await listening({ handshakeTimeoutMs: 300 })
  console.info(`seed ${seed}`)
  const below = seededRandom(seed)
  const noise = (): Uint8Array => Uint8Array.from({ length: 1 + below(300) }, () => below(256))
  const heads = [hex(''), hex('01'), hex('4041 00'), hex('00')]
  const client = { current: await rawClient(port) }
  for (let round = 0; round < 300; round++) {
    if (client.current.isOver()) client.current = await rawClient(port)
    const bytes = concat(heads[below(heads.length)] as Uint8Array, noise())
    await client.current.send(bytes).catch(() => {})
  }
  const last = await rawClient(port)
  const asked = await last.send(request(path))
  await until('a request is served', () => asked.bytes.length > 0)
  expect(statusOf(asked.bytes)).toBe(200)
}, 60_000)
