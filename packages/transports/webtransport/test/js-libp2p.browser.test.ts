import { identify as foreignIdentify } from '@libp2p/identify'
import type { Stream as ForeignStream } from '@libp2p/interface'
import { noise as foreignNoise } from '@libp2p/noise'
import { ping as foreignPing } from '@libp2p/ping'
import { webTransport as foreignWebTransport } from '@libp2p/webtransport'
import { multiaddr } from '@multiformats/multiaddr'
import { nodePeer, type ServedTold, until, untilAnswer } from '@peerloom/conformance/browser'
import { createLibp2p } from 'libp2p'
import { expect, onTestFinished, test } from 'vitest'

/** js-libp2p in this page, and a listener of ours in Node. */
async function meeting() {
  const peer = await nodePeer<ServedTold>('./listening-peer.ts')
  const page = await createLibp2p({
    transports: [foreignWebTransport()],
    connectionEncrypters: [foreignNoise()],
    // By itself it refuses to dial loopback from a page.
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: foreignIdentify(), ping: foreignPing() }
  })
  onTestFinished(async () => page.stop())
  return { peer, page, address: multiaddr(peer.told.addresses[0] as string) }
}

async function readAll(stream: ForeignStream): Promise<number> {
  let got = 0
  for await (const chunk of stream) got += chunk.byteLength
  return got
}

test('js-libp2p in a page dials, pings, identifies and echoes', async () => {
  const { peer, page, address } = await meeting()
  const connection = await page.dial(address)
  expect(await peer.ask('peers')).toEqual([[page.peerId.toString(), '/noise']])
  expect(await page.services.ping.ping(connection.remotePeer)).toBeGreaterThanOrEqual(0)
  const told = await page.services.identify.identify(connection)
  expect(told.protocols).toContain('/echo')
  for (const length of [10, 100_000]) {
    const stream = await connection.newStream('/echo')
    const reading = readAll(stream)
    if (!stream.send(new Uint8Array(length).fill(7))) await stream.onDrain()
    await stream.close()
    expect(await reading).toBe(length)
  }
})

test('30 streams at once between js-libp2p in a page and Node', async () => {
  const { page, address } = await meeting()
  const connection = await page.dial(address)
  const lengths = await Promise.all(
    Array.from({ length: 30 }, async () => {
      const stream = await connection.newStream('/echo')
      const reading = readAll(stream)
      if (!stream.send(new Uint8Array(10_000))) await stream.onDrain()
      await stream.close()
      return reading
    })
  )
  expect(lengths).toEqual(lengths.map(() => 10_000))
})

// Only this way round: @libp2p/webtransport 6.0.39 notes the time when a session ends, and tells nobody.
test('js-libp2p in a page says good-bye', async () => {
  const { peer, page, address } = await meeting()
  await (await page.dial(address)).close()
  await until('the page has none', () => page.getConnections().length === 0)
  await untilAnswer(() => peer.ask('connections'), 0)
})
