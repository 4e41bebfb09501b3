import { circuitRelay } from '@peerloom/circuit-relay'
import { nodePeer, until } from '@peerloom/conformance/browser'
import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { webSockets } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'
import { expect, onTestFinished, test } from 'vitest'

interface Told {
  readonly relay: string
  /** Of a Node peer that listens at the relay. */
  readonly target: string
}

/** What one circuit of the relay carries each way is twice as much. */
const kibibytes64 = 64 * 1024

async function page(listen: readonly string[] = []) {
  const node = await createNode({
    transports: [webSockets(), circuitRelay()],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
    addresses: { listen }
  })
  onTestFinished(() => node.stop())
  await node.handle('/echo/1', (stream) => stream.sink(stream), { allowLimited: true })
  return node
}

async function reserved(relay: string) {
  const node = await page([`${relay}/p2p-circuit`])
  await until('the relay has let the page in', () => node.multiaddrs().length === 1)
  return { node, address: String(node.multiaddrs()[0]) }
}

async function echoed(node: Awaited<ReturnType<typeof page>>, address: string): Promise<void> {
  const connection = await node.dial(address)
  expect(connection).toMatchObject({ transport: 'circuit-relay', security: '/noise', muxer: '/yamux/1.0.0' })
  expect(connection.limits).toBeDefined()
  const sent = new Uint8Array(kibibytes64).map((_, at) => at * 31)
  const stream = await connection.openStream('/echo/1', { allowLimited: true })
  const sending = stream.write(sent.slice()).then(() => stream.closeWrite())
  let got = 0
  for await (const bytes of stream) {
    expect(bytes.every((byte, at) => byte === sent[got + at])).toBe(true)
    got += bytes.length
  }
  await sending
  expect(got).toBe(sent.length)
}

test('a page dials a Node peer behind a relay', async () => {
  const { told } = await nodePeer<Told>('./relay-peer.ts')
  await echoed(await page(), told.target)
})

test('a page reserves a place at a relay, is dialled there by Node, and is gone with its last word', async () => {
  const peer = await nodePeer<Told>('./relay-peer.ts')
  const { node, address } = await reserved(peer.told.relay)
  expect(address).toBe(`${peer.told.relay}/p2p-circuit/p2p/${node.peerId}`)
  expect(await peer.ask('echo', address, kibibytes64)).toBe(kibibytes64)
  await node.stop()
  await expect(peer.ask('echo', address, 1)).rejects.toThrow('ERR_RELAY')
})

test('pages dial each other through a relay', async () => {
  const { told } = await nodePeer<Told>('./relay-peer.ts')
  const { address } = await reserved(told.relay)
  await echoed(await page(), address)
})

test('a page whose relay is gone has no address any more', async () => {
  const peer = await nodePeer<Told>('./relay-peer.ts')
  const { node } = await reserved(peer.told.relay)
  await peer.ask('stopRelay')
  await until('the address is gone', () => node.multiaddrs().length === 0)
})
