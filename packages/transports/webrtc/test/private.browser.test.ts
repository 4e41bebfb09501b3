import { echoes, nodePeer, type OtherPeer, pagePeer, untilAnswer } from '@peerloom/conformance/browser'
import type { Connection } from '@peerloom/interface'
import { expect, onTestFinished, test } from 'vitest'
import { pageNode, privateAddress } from './page-node.ts'

interface Told {
  readonly relay: string
  readonly peer: string
}

const mebibyte = 1024 * 1024
/** A process and a page are started for each. */
const patient = { timeout: 60_000 }

async function page(relay?: string) {
  const node = await pageNode(relay)
  onTestFinished(() => node.stop())
  return node
}

/** What was arranged over the relay goes on without it. */
async function outlivesRelay(connection: Connection, peer: OtherPeer<Told>, other: OtherPeer<unknown>): Promise<void> {
  const stream = await connection.openStream('/echo/1')
  await stream.write(new Uint8Array(1))
  await peer.ask('stopRelay')
  await untilAnswer(() => other.ask('transports'), ['webrtc'])
  await stream.closeWrite()
  let got = 0
  for await (const bytes of stream) got += bytes.length
  expect(got).toBe(1)
  await echoes(await connection.openStream('/echo/1'), mebibyte)
  expect(connection.status).toBe('open')
}

test('a page dials a private Node peer over a relay, which both need no more', patient, async () => {
  const peer = await nodePeer<Told>('./relay-peer.ts')
  const node = await page()
  const connection = await node.dial(peer.told.peer)
  expect(connection).toMatchObject({ transport: 'webrtc', security: '/dtls', limits: undefined })
  await echoes(await connection.openStream('/echo/1'), 2 * mebibyte)
  await outlivesRelay(connection, peer, peer)
})

test('a Node peer dials a page over a relay', patient, async () => {
  const peer = await nodePeer<Told>('./relay-peer.ts')
  const address = await privateAddress(await page(peer.told.relay))
  expect(await peer.ask('echo', address, 2 * mebibyte)).toEqual(['webrtc', 2 * mebibyte])
})

test('a page dials another page over a relay, which both need no more', patient, async () => {
  const [peer, other] = await Promise.all([nodePeer<Told>('./relay-peer.ts'), pagePeer('./private-page.ts')])
  const address = (await other.ask('listen', peer.told.relay)) as string
  const node = await page()
  const connection = await node.dial(address)
  expect(connection).toMatchObject({ transport: 'webrtc', security: '/dtls', limits: undefined })
  await echoes(await connection.openStream('/echo/1'), 2 * mebibyte)
  await outlivesRelay(connection, peer, other)
})
