import { multiaddr } from '@multiformats/multiaddr'
import { testConnections, until } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import type { NodeContext } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { webTransport, type WebTransportOptions } from '@peerloom/webtransport'
import { describe, expect, onTestFinished, test } from 'vitest'
import { frame } from '../src/frame-reader.ts'
import { frameType } from '../src/h3-constants.ts'
import { encodeStatus } from '../src/qpack.ts'
import { ownSettings } from '../src/settings.ts'
import { concat, varint } from '../src/varint.ts'
import { rawServer, type RawServerOptions } from './raw-server.ts'

const hourMs = 3_600_000
const control = concat(varint(0), ownSettings())
const granted = frame(frameType.headers, encodeStatus(200))

const make = (listen: string[], options?: WebTransportOptions) =>
  createNode({ addresses: { listen }, transports: [webTransport(options)], connectionEncryption: [noise()] })

async function nodeWith(listen: string[], options?: WebTransportOptions) {
  const node = await make(listen, options)
  onTestFinished(() => node.stop())
  return node
}

async function connected(ip: string) {
  const [listener, dialer] = await Promise.all([make([`${ip}/udp/0/quic-v1/webtransport`]), make([])])
  const connection = await dialer.dial(listener.multiaddrs())
  return { dialer, listener, connection, stop: async () => void (await Promise.all([dialer.stop(), listener.stop()])) }
}

for (const ip of ['/ip4/127.0.0.1', '/ip6/::1']) {
  testConnections(`WebTransport between Nodes, ${ip}`, () => connected(ip))
}

test.each([
  ['/ip4/1.2.3.4/udp/4001/quic-v1/webtransport/certhash/uEiADz6hjo1lPw7sjot6nkJ9qzfuYp5a_T4XAeDXv5uQ3Tw', true],
  ['/ip6/::1/udp/4001/quic-v1/webtransport/certhash/uEiADz6hjo1lPw7sjot6nkJ9qzfuYp5a_T4XAeDXv5uQ3Tw', true],
  ['/dns4/a.example/udp/4001/quic-v1/webtransport/certhash/uEiADz6hjo1lPw7sjot6nkJ9qzfuYp5a_T4XAeDXv5uQ3Tw', false],
  ['/ip4/1.2.3.4/udp/4001/quic-v1/webtransport', false],
  ['/ip4/1.2.3.4/udp/4001/quic-v1', false]
])('%s is dialled by Node: %s', (address, dials) => {
  const context = { log: () => ({ enabled: false, debug() {}, error() {} }) } as unknown as NodeContext
  expect(webTransport()(context).canDial(multiaddr(address))).toBe(dials)
})

test('streams that are opened right behind the handshake are all served', async () => {
  const [listener, dialer] = [await nodeWith(['/ip4/127.0.0.1/udp/0/quic-v1/webtransport']), await nodeWith([])]
  await listener.handle('/echo/1', async (stream) => {
    for await (const bytes of stream) await stream.write(bytes.slice())
    await stream.close()
  })
  for (let round = 0; round < 5; round++) {
    const connection = await dialer.dial(listener.multiaddrs())
    const lengths = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const stream = await connection.openStream('/echo/1')
        await stream.write(new Uint8Array(1000))
        await stream.closeWrite()
        let got = 0
        for await (const bytes of stream) got += bytes.length
        return got
      })
    )
    expect(lengths).toEqual(lengths.map(() => 1000))
    await connection.close()
  }
})

test('a wrong certificate hash, one that is not vouched for, and a wrong peer are refused', async () => {
  const listener = await nodeWith(['/ip4/127.0.0.1/udp/0/quic-v1/webtransport'])
  const [dialer, other] = [await nodeWith([]), await nodeWith([])]
  const address = String(listener.multiaddrs()[0])
  const [first, second] = [...address.matchAll(/certhash\/([^/]+)/g)].map(([, hash]) => hash as string)
  const swapped =
    `${(first as string).slice(0, 4)}${(first as string).slice(4).split('').toReversed().join('')}`.replace(/.$/, 'A')
  const forged = address.replace(`/certhash/${first}`, '').replace(second as string, swapped)
  await expect(dialer.dial(forged)).rejects.toMatchObject({ attempts: [{ code: 'ERR_SECURITY' }] })
  const unvouched = address.replace(second as string, swapped)
  await expect(dialer.dial(unvouched)).rejects.toMatchObject({ attempts: [{ code: 'ERR_SECURITY' }] })
  await expect(dialer.dial(address.replace(/p2p\/.*/, `p2p/${other.peerId}`))).rejects.toMatchObject({
    attempts: [{ code: 'ERR_WRONG_PEER' }]
  })
  await until('the listener has no connection', () => listener.connections.list().length === 0)
})

test('nobody there fails inside the bound, an abort at once', async () => {
  const dialer = await nodeWith([], { handshakeTimeoutMs: 200 })
  const { address } = await rawServer({ control, answer: granted })
  const dead = address.replace(/udp\/\d+/, 'udp/9')
  await expect(dialer.dial(dead)).rejects.toMatchObject({ attempts: [{ code: 'ERR_TIMEOUT' }] })
  const abort = new AbortController()
  const dialling = dialer.dial(dead, { signal: abort.signal })
  abort.abort(new Error('changed my mind'))
  await expect(dialling).rejects.toThrow('changed my mind')
})

describe('a server', () => {
  const cases: readonly [name: string, options: RawServerOptions, code: string][] = [
    [
      'that has no WebTransport',
      { control: concat(varint(0), frame(frameType.settings, new Uint8Array(0))), answer: granted },
      'ERR_ADDRESS_UNREACHABLE'
    ],
    ['that says no', { control, answer: frame(frameType.headers, encodeStatus(404)) }, 'ERR_ADDRESS_UNREACHABLE'],
    ['that resets the request', { control, answer: undefined }, 'ERR_ADDRESS_UNREACHABLE'],
    [
      'whose settings cannot be read',
      { control: concat(varint(0), frame(frameType.settings, Uint8Array.of(1))), answer: granted },
      'ERR_CONNECTION_CLOSED'
    ],
    [
      'whose answer cannot be read',
      { control, answer: frame(frameType.headers, Uint8Array.of(2, 0)) },
      'ERR_CONNECTION_CLOSED'
    ],
    [
      'that answers with a huge header section',
      { control, answer: concat(varint(1), varint(1_000_000)) },
      'ERR_CONNECTION_CLOSED'
    ],
    ['that never tells its settings', { control: varint(0), answer: granted }, 'ERR_TIMEOUT'],
    ['that grants a session and does not shake hands', { control, answer: granted }, 'ERR_TIMEOUT'],
    ['whose certificate has run out', { control, answer: granted, notAfter: Date.now() - 60_000 }, 'ERR_SECURITY'],
    [
      'whose certificate is valid for more than two weeks',
      { control, answer: granted, notAfter: Date.now() + 20 * 24 * hourMs },
      'ERR_SECURITY'
    ]
  ]
  test.each(cases)('%s is not dialled', async (_name, options, code) => {
    const { address, connections } = await rawServer(options)
    const dialer = await nodeWith([], { handshakeTimeoutMs: 500 })
    await expect(dialer.dial(address)).rejects.toMatchObject({ attempts: [{ code }] })
    expect(dialer.connections.list()).toHaveLength(0)
    await until('its connection is over', () =>
      connections.every(({ quiche }) => quiche.isDraining() || quiche.isClosed())
    )
  })
})
