import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify as jsIdentify } from '@libp2p/identify'
import { noise as jsNoise } from '@libp2p/noise'
import { tcp as jsTcp } from '@libp2p/tcp'
import { webRTC as jsWebRTC, webRTCDirect as jsWebRTCDirect } from '@libp2p/webrtc'
import { yamux as jsYamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { until } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import type { Stream } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { webRTC, webRTCDirect } from '@peerloom/webrtc'
import { yamux } from '@peerloom/yamux'
import { createLibp2p, type Libp2p } from 'libp2p'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startPeer } from './peer-process.ts'
import { privateAddress, privateNode, relayNode } from './relay-nodes.ts'

const mebibyte = 1024 * 1024
const anyRelay = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQ5pWnLtCuNfTZUjXi14rEdgJuFCrAzAZc6LsXVgQLj3o/p2p-circuit'

async function jsNode(listen: readonly string[]): Promise<Libp2p> {
  const rtcConfiguration = { iceServers: [] }
  const node = await createLibp2p({
    addresses: { listen: [...listen] },
    transports: [
      jsTcp(),
      circuitRelayTransport(),
      jsWebRTC({ rtcConfiguration }),
      jsWebRTCDirect({ rtcConfiguration })
    ],
    connectionEncrypters: [jsNoise()],
    streamMuxers: [jsYamux()],
    services: { identify: jsIdentify() },
    connectionMonitor: { enabled: false },
    connectionGater: { denyDialMultiaddr: () => false }
  })
  onTestFinished(async () => node.stop())
  await node.handle(
    '/echo/1',
    async (stream) => {
      for await (const bytes of stream) if (!stream.send(bytes)) await stream.onDrain()
      await stream.close()
    },
    { runOnLimitedConnection: true }
  )
  await node.handle('/reset/1', (stream) => stream.abort(new Error('no')))
  return node
}

async function ourNode(listen: readonly string[]) {
  const node = await createNode({
    transports: [tcp(), webRTC(), webRTCDirect()],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
    addresses: { listen }
  })
  onTestFinished(() => node.stop())
  await node.handle('/echo/1', async (stream) => {
    for await (const bytes of stream) await stream.write(bytes)
    await stream.close()
  })
  await node.handle('/reset/1', (stream) => stream.abort(new Error('no')))
  return node
}

async function weAreEchoed(stream: Stream): Promise<void> {
  const sent = new Uint8Array(mebibyte).map((_, at) => at * 31)
  const sending = (async () => {
    for (let at = 0; at < sent.length; at += 50_000) await stream.write(sent.slice(at, at + 50_000))
    await stream.closeWrite()
  })()
  let got = 0
  for await (const bytes of stream) {
    expect(bytes.every((byte, at) => byte === sent[got + at])).toBe(true)
    got += bytes.length
  }
  await sending
  expect(got).toBe(sent.length)
  await until('the stream is over', () => stream.status === 'closed')
}

type JsConnection = Awaited<ReturnType<Libp2p['dial']>>

async function jsIsEchoed(connection: JsConnection): Promise<void> {
  const stream = await connection.newStream('/echo/1')
  const sent = new Uint8Array(mebibyte).map((_, at) => at * 31)
  const sending = (async () => {
    for (let at = 0; at < sent.length; at += 50_000) {
      if (!stream.send(sent.slice(at, at + 50_000))) await stream.onDrain()
    }
    await stream.close()
  })()
  let got = 0
  for await (const chunk of stream) {
    const bytes = chunk.subarray()
    expect(bytes.every((byte, at) => byte === sent[got + at])).toBe(true)
    got += bytes.length
  }
  await sending
  expect(got).toBe(sent.length)
}

describe('js-libp2p by WebRTC Direct', () => {
  test.each(['/ip4/127.0.0.1', '/ip6/::1'])('is dialled on %s: echoes, resets, closes', async (ip) => {
    const js = await startPeer('js-listener.ts', ip)
    onTestFinished(async () => void (await js.stop()))
    const ours = await ourNode([])
    const connection = await ours.dial(js.address)
    await weAreEchoed(await connection.openStream('/echo/1'))
    const refused = await connection.openStream('/reset/1')
    await until('the stream is reset', () => refused.status === 'reset')
    await Promise.all(Array.from({ length: 10 }, async () => weAreEchoed(await connection.openStream('/echo/1'))))
    await until('no stream is left', () => connection.streams.length === 0)
    await connection.close()
    let left = Number.POSITIVE_INFINITY
    while (left > 0) left = (await js.state()).connections
  })

  test.each(['/ip4/127.0.0.1', '/ip6/::1'])('dials on %s: is echoed, reset, closes', async (ip) => {
    const ours = await ourNode([`${ip}/udp/0/webrtc-direct`])
    const js = await jsNode([])
    const connection = await js.dial(multiaddr(String(ours.multiaddrs()[0])))
    expect(connection.remotePeer.toString()).toBe(ours.peerId.toString())
    await jsIsEchoed(connection)
    const refused = connection.newStream('/reset/1').then(async (stream) => {
      for await (const bytes of stream) expect(bytes.byteLength).toBe(0)
    })
    await expect(refused).rejects.toThrow('reset')
    const back = ours.connections.list()[0]
    await weAreEchoed((await back?.openStream('/echo/1')) as Stream)
    await connection.close()
    await until('we have no connection', () => ours.connections.list().length === 0)
  })
})

describe('js-libp2p by WebRTC between private peers', () => {
  test('is dialled over a connection that both have', async () => {
    const js = await jsNode(['/ip4/127.0.0.1/tcp/0'])
    const ours = await ourNode([])
    await ours.dial(String(js.getMultiaddrs()[0]))
    const connection = await ours.dial(`${anyRelay}/webrtc/p2p/${js.peerId}`, { force: true })
    expect(connection).toMatchObject({ transport: 'webrtc', direction: 'outbound' })
    await weAreEchoed(await connection.openStream('/echo/1'))
  })

  test('dials over a connection that both have', async () => {
    const ours = await ourNode(['/ip4/127.0.0.1/tcp/0', '/webrtc'])
    const js = await jsNode([])
    const own = ours.multiaddrs().find((address) => address.toString().includes('/tcp/'))
    await js.dial(multiaddr(String(own)))
    const connection = await js.dial(multiaddr(`${anyRelay}/webrtc/p2p/${ours.peerId}`), { force: true })
    expect(connection.multiplexer).toBe('/webrtc')
    await jsIsEchoed(connection)
    await until('we have it too', () => ours.connections.list().some(({ transport }) => transport === 'webrtc'))
  })
})

describe('js-libp2p by WebRTC between private peers, over a relay of ours', () => {
  async function relay() {
    const node = await relayNode()
    onTestFinished(() => node.stop())
    return String(node.multiaddrs()[0])
  }

  test('is dialled', async () => {
    const js = await jsNode([`${await relay()}/p2p-circuit`, '/webrtc'])
    const ours = await privateNode()
    onTestFinished(() => ours.stop())
    const addresses = (): string[] => js.getMultiaddrs().map(String)
    await until('the relay has let it in', () => addresses().some((one) => one.includes('/p2p-circuit/webrtc')))
    const connection = await ours.dial(addresses().find((one) => one.includes('/p2p-circuit/webrtc')) as string)
    expect(connection).toMatchObject({ transport: 'webrtc', direction: 'outbound' })
    await weAreEchoed(await connection.openStream('/echo/1'))
  })

  test('dials', async () => {
    const ours = await privateNode(await relay())
    onTestFinished(() => ours.stop())
    await ours.handle('/echo/1', (stream) => stream.sink(stream))
    const js = await jsNode([])
    const connection = await js.dial(multiaddr(await privateAddress(ours)))
    expect(connection.multiplexer).toBe('/webrtc')
    await jsIsEchoed(connection)
    await until('we have it too', () => ours.connections.list().some(({ transport }) => transport === 'webrtc'))
  })
})
