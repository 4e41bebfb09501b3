import { until } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { protobuf } from '@peerloom/streams'
import { webRTC, type WebRTCOptions } from '@peerloom/webrtc'
import { yamux } from '@peerloom/yamux'
import { describe, expect, onTestFinished, test } from 'vitest'
import { signalCodec, signalingProtocol, signalType } from '../src/signal-message.ts'

const anyRelay = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQ5pWnLtCuNfTZUjXi14rEdgJuFCrAzAZc6LsXVgQLj3o/p2p-circuit'

async function pair(options?: WebRTCOptions, dialerOptions?: WebRTCOptions) {
  const network = new MemoryNetwork()
  const nodeOf = async (own: WebRTCOptions | undefined) => {
    const node = await createNode({
      transports: [memory({ network }), webRTC(own)],
      connectionEncryption: [noise()],
      streamMuxers: [yamux()],
      addresses: { listen: ['/memory/0', '/webrtc'] }
    })
    onTestFinished(() => node.stop())
    return node
  }
  const [listener, dialer] = [await nodeOf(options), await nodeOf(dialerOptions)]
  const link = await dialer.dial(listener.multiaddrs())
  const signal = async () => {
    const stream = await link.openStream(signalingProtocol)
    return { stream, messages: protobuf(stream, signalCodec) }
  }
  /** Peers that mean well still get through. */
  const expectServed = async () => {
    const connection = await dialer.dial(`${anyRelay}/webrtc/p2p/${listener.peerId}`, { force: true })
    expect(connection.transport).toBe('webrtc')
    await connection.close()
  }
  return { listener, dialer, signal, expectServed }
}

const sdp = (lines: Readonly<Record<string, string>>): string =>
  [
    'v=0',
    'o=- 0 0 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 127.0.0.1',
    'a=mid:0',
    `a=ice-ufrag:${lines['ufrag'] ?? 'abcdefgh'}`,
    `a=ice-pwd:${lines['pwd'] ?? 'a'.repeat(24)}`,
    `a=fingerprint:sha-256 ${lines['fingerprint'] ?? Array(32).fill('00').join(':')}`,
    'a=setup:actpass',
    'a=sctp-port:5000',
    ''
  ].join('\r\n')

describe('a peer that signals what it likes', () => {
  test.each([
    ['nothing', ''],
    ['no SDP', 'hello'],
    ['bad credentials', sdp({ ufrag: 'a' })],
    ['characters that are none of ICE', sdp({ ufrag: 'abc def!' })],
    ['a short password', sdp({ pwd: 'short' })],
    ['no fingerprint', sdp({}).replace(/a=fingerprint.*\r\n/, '')],
    ['a bad fingerprint', sdp({ fingerprint: 'zz' })],
    ['a very long line', `v=0\r\na=${'x'.repeat(30_000)}\r\n`]
  ])('%s as an offer is refused, and the process lives', async (_name, data) => {
    const { signal, expectServed } = await pair()
    const { stream, messages } = await signal()
    await messages.write({ type: signalType.offer, data })
    await until('the stream is reset', () => stream.status === 'reset')
    await expectServed()
  })

  test('a message too large, of another type, or that is none', async () => {
    const { signal, expectServed } = await pair()
    for (const bytes of [Uint8Array.of(0xff, 0xff, 0xff, 0x7f), Uint8Array.of(2, 8, 2), Uint8Array.of(2, 0x12, 9)]) {
      const { stream } = await signal()
      await stream.write(bytes)
      await until('the stream is reset', () => stream.status === 'reset')
    }
    await expectServed()
  })

  test('candidates of every kind do no harm, and a flood of them is not read to its end', async () => {
    const { signal, expectServed, listener } = await pair({ connectTimeoutMs: 3000 })
    const { stream, messages } = await signal()
    await messages.write({ type: signalType.offer, data: sdp({}) })
    for (const data of [
      'null',
      '{"candidate":"candidate:x"}',
      '{"candidate":"candidate:1 1 UDP 1 127.0.0.1 1 typ host"}',
      '{"candidate":"candidate:1 1 UDP 1 name.invalid 1 typ host"}',
      '{"candidate":"candidate:1 1 UDP 99999999999999999999 127.0.0.1 99999999 typ host"}',
      `{"candidate":"${'y'.repeat(1000)}","sdpMid":"${'z'.repeat(900)}"}`
    ]) {
      await messages.write({ type: signalType.candidate, data })
    }
    for (let count = 0; count < 100; count++) {
      await messages.write({
        type: signalType.candidate,
        data: `{"candidate":"candidate:1 1 UDP 1 127.0.0.1 ${1 + count} typ host"}`
      })
    }
    await until('it is given up', () => stream.status === 'reset')
    expect(listener.connections.list().map(({ transport }) => transport)).toEqual(['memory'])
    await expectServed()
  })

  test('streams that say nothing have a bound in time and in number', async () => {
    const { signal, listener, expectServed } = await pair({ connectTimeoutMs: 500 })
    const held = await Promise.all([signal(), signal(), signal(), signal()])
    await until('two are refused', () => held.filter(({ stream }) => stream.status === 'reset').length >= 2)
    await until('all are given up', () => held.every(({ stream }) => stream.status === 'reset'))
    expect(listener.connections.list()).toHaveLength(1)
    await expectServed()
  })
})

describe('dialling', () => {
  test('a peer that does not answer, one that refuses, and one that does not know WebRTC', async () => {
    const { dialer, listener } = await pair({}, { connectTimeoutMs: 300 })
    const address = `${anyRelay}/webrtc/p2p/${listener.peerId}`
    await listener.unhandle(signalingProtocol)
    await expect(dialer.dial(address, { force: true })).rejects.toMatchObject({ code: 'ERR_DIAL' })
    await listener.handle(signalingProtocol, () => {})
    await expect(dialer.dial(address, { force: true })).rejects.toThrow('ERR_TIMEOUT')
    await listener.unhandle(signalingProtocol)
    await listener.handle(signalingProtocol, (stream) => stream.abort(new Error('no')))
    await expect(dialer.dial(address, { force: true })).rejects.toMatchObject({ code: 'ERR_DIAL' })
  })

  test('ICE servers that are none are named', async () => {
    const { dialer, listener } = await pair({}, { iceServers: [{ urls: 'http://example.org' }] })
    await expect(dialer.dial(`${anyRelay}/webrtc/p2p/${listener.peerId}`, { force: true })).rejects.toThrow(
      'http://example.org'
    )
  })
})

test('addresses follow those that relays give, and go with them', async () => {
  const { listener } = await pair()
  const webRTCAddresses = (): string[] =>
    listener
      .multiaddrs()
      .map(String)
      .filter((address) => address.includes('/webrtc'))
  expect(webRTCAddresses()).toEqual([])
  const { multiaddr } = await import('@multiformats/multiaddr')
  const remove = listener.addresses.add(multiaddr(anyRelay), 'relayed')
  expect(webRTCAddresses()).toEqual([`${anyRelay}/webrtc/p2p/${listener.peerId}`])
  remove()
  expect(webRTCAddresses()).toEqual([])
})
