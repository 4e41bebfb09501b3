import { multiaddr } from '@multiformats/multiaddr'
import { nodePeer, until } from '@peerloom/conformance/browser'
import { createNode } from '@peerloom/core'
import type { Stream } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { webRTC, webRTCDirect, type WebRTCDirectOptions } from '@peerloom/webrtc'
import { expect, onTestFinished, test } from 'vitest'

interface Told {
  readonly addresses: string[]
  readonly peer: string
}

const mebibyte = 1024 * 1024

async function page(options?: WebRTCDirectOptions) {
  const node = await createNode({
    transports: [webRTCDirect(options), webRTC()],
    connectionEncryption: [noise()],
    addresses: { listen: ['/webrtc'] }
  })
  onTestFinished(() => node.stop())
  return node
}

async function meeting(options?: WebRTCDirectOptions) {
  const peer = await nodePeer<Told>('./serving-peer.ts')
  return { peer, node: await page(options), address: peer.told.addresses[0] as string }
}

async function untilAnswer(ask: () => Promise<unknown>, wanted: unknown): Promise<void> {
  const deadline = performance.now() + 10_000
  while (JSON.stringify(await ask()) !== JSON.stringify(wanted)) {
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(await ask())}`)
  }
}

/** Sends `length` bytes that tell their place, and looks at what comes back. */
async function echoes(stream: Stream, length: number): Promise<void> {
  const sent = new Uint8Array(length).map((_, at) => at * 31)
  const sending = (async () => {
    for (let at = 0; at < sent.length; at += 100_000) await stream.write(sent.slice(at, at + 100_000))
    await stream.closeWrite()
  })()
  let got = 0
  for await (const bytes of stream) {
    if (!bytes.every((byte, at) => byte === sent[got + at])) throw new Error(`wrong bytes at ${got}`)
    got += bytes.length
  }
  await sending
  expect(got).toBe(length)
}

for (const version of [1, 2] as const) {
  test(`a page dials a Node listener by v${version}, and megabytes come back both ways`, async () => {
    const { peer, node, address } = await meeting({ versions: [version] })
    await node.handle('/echo/1', (stream) => stream.sink(stream))
    const connection = await node.dial(address)
    expect(connection).toMatchObject({ transport: 'webrtc-direct', security: '/noise', muxer: 'webrtc-direct' })
    expect(connection.remotePeer.toString()).toBe(peer.told.peer)
    await echoes(await connection.openStream('/echo/1'), 4 * mebibyte)
    expect(await peer.ask('roundTrip', 2 * mebibyte)).toBe(2 * mebibyte)
    await connection.close()
    await untilAnswer(() => peer.ask('connections'), [])
  })
}

test('what the browser does not let a page do is no hindrance: v2 comes first', async () => {
  const { node, address } = await meeting()
  const munged: string[] = []
  const own = RTCPeerConnection.prototype.setLocalDescription as (
    this: RTCPeerConnection,
    description?: RTCLocalSessionDescriptionInit
  ) => Promise<void>
  onTestFinished(() => {
    RTCPeerConnection.prototype.setLocalDescription = own
  })
  RTCPeerConnection.prototype.setLocalDescription = function (
    this: RTCPeerConnection,
    description?: RTCLocalSessionDescriptionInit
  ) {
    if (description?.sdp?.includes('ice-ufrag:libp2p') === true) munged.push(description.sdp)
    return own.call(this, description)
  }
  await echoes(await (await node.dial(address)).openStream('/echo/1'), 1000)
  expect(munged).toEqual([])
})

test('the wrong certificate is not talked to, nor the wrong peer', async () => {
  const { node, address } = await meeting({ connectTimeoutMs: 2000 })
  const other = address.replace(/certhash\/[^/]+/, 'certhash/uEiADz6hjo1lPw7sjot6nkJ9qzfuYp5a_T4XAeDXv5uQ3Tw')
  await expect(node.dial(other)).rejects.toMatchObject({ code: 'ERR_DIAL' })
  const stranger = address.replace(/p2p\/[^/]+$/, 'p2p/12D3KooWLCaDTcLaWkYaZa1KoXzspwWoEbw9CtKZx91fEYrxwDT8')
  await expect(node.dial(stranger)).rejects.toThrow('ERR_WRONG_PEER')
})

test('60 streams at once, each with its own bytes', async () => {
  const { node, address } = await meeting()
  const connection = await node.dial(address)
  await Promise.all(
    Array.from({ length: 60 }, async (_, at) => echoes(await connection.openStream('/echo/1'), 1000 * (at + 1)))
  )
  await until('no stream is left', () => connection.streams.length === 0)
})

test('everything that was written before a close arrives', async () => {
  const { peer, node, address } = await meeting()
  const connection = await node.dial(address)
  const stream = await connection.openStream('/hold/1')
  for (let at = 0; at < 64; at++) await stream.write(new Uint8Array(50_000))
  await stream.close()
  await connection.close()
  await untilAnswer(() => peer.ask('held'), 3_200_000)
})

test('a remote that takes nothing stops the page', async () => {
  const { node, address } = await meeting()
  const stream = await node.openStream(multiaddr(address), '/deaf/1')
  let accepted = 0
  while (stream.writable && accepted < 64 * mebibyte) {
    stream.send(new Uint8Array(mebibyte / 4))
    accepted += mebibyte / 4
    await Promise.race([stream.drained(), new Promise((resolve) => setTimeout(resolve, 300))])
  }
  expect(accepted).toBeLessThan(64 * mebibyte)
  stream.abort(new Error('the test is over'))
})

test('a lost connection is noticed at once on either side, each time', async () => {
  const { peer, node, address } = await meeting()
  for (let round = 0; round < 4; round++) {
    const lost = await node.dial(address)
    await untilAnswer(() => peer.ask('connections'), ['webrtc-direct'])
    await peer.ask('abort')
    await until('the page notices', () => lost.status === 'closed', 2000)
    const dropped = await node.dial(address)
    await untilAnswer(() => peer.ask('connections'), ['webrtc-direct'])
    dropped.abort(new Error('enough'))
    await untilAnswer(() => peer.ask('connections'), [])
  }
})

test('pages, and a page and a Node peer, find a way of their own over any connection between them', async () => {
  const { peer, node, address } = await meeting()
  await node.dial(address)
  const relay = `${address}/p2p-circuit/webrtc/p2p/${peer.told.peer}`
  const connection = await node.dial(relay, { force: true })
  expect(connection).toMatchObject({ transport: 'webrtc', security: '/dtls' })
  await echoes(await connection.openStream('/echo/1'), mebibyte)
  expect(await peer.ask('connections')).toEqual(['webrtc-direct', 'webrtc'])
})
