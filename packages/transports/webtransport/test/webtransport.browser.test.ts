import { nodePeer, type ServedTold, testPage, until, untilAnswer } from '@peerloom/conformance/browser'
import { createNode } from '@peerloom/core'
import { noise } from '@peerloom/noise'
import { webTransport, type WebTransportOptions } from '@peerloom/webtransport'
import { expect, onTestFinished, test } from 'vitest'

async function page(options?: WebTransportOptions) {
  const node = await createNode({ transports: [webTransport(options)], connectionEncryption: [noise()] })
  onTestFinished(() => node.stop())
  return node
}

async function meeting() {
  const peer = await nodePeer<ServedTold>('./listening-peer.ts')
  return { peer, node: await page(), addresses: peer.told.addresses }
}

testPage('WebTransport', meeting)

test('connections over IPv4 and IPv6 say who they are with, and carry two hashes', async () => {
  const { peer, node, addresses } = await meeting()
  expect(addresses).toHaveLength(2)
  for (const address of addresses) {
    expect(address.match(/certhash/g)).toHaveLength(2)
    const connection = await node.dial(address)
    expect(connection).toMatchObject({ transport: 'webtransport', security: '/noise', muxer: 'webtransport' })
    await untilAnswer(() => peer.ask('peers'), [[`${node.peerId}`, '/noise']])
    await connection.close()
    await untilAnswer(() => peer.ask('connections'), 0)
  }
})

test('resets arrive on either side', async () => {
  const { peer, node, addresses } = await meeting()
  const connection = await node.dial(addresses[0] as string)
  const refused = await connection.openStream('/refuse')
  refused.write(new Uint8Array(10)).catch(() => {})
  await until('our end is reset', () => refused.status === 'reset')
  const given = await connection.openStream('/count-resets')
  await given.write(new Uint8Array(10))
  for await (const bytes of given) if (bytes.length > 0) break
  given.abort(new Error('enough'))
  await untilAnswer(() => peer.ask('resets'), 1)
  expect(connection.status).toBe('open')
})

test('a page notices that the listener has closed the connection', async () => {
  const { peer, node, addresses } = await meeting()
  const ended = await node.dial(addresses[0] as string)
  await untilAnswer(() => peer.ask('connections'), 1)
  await peer.ask('close')
  await until('the page has noticed', () => ended.status === 'closed')
})

test('a wrong certificate hash, a wrong peer, nobody there and an abort are typed failures', async () => {
  const { node, addresses } = await meeting()
  const other = await page()
  const [address] = addresses as [string]
  const [first, second] = [...address.matchAll(/certhash\/([^/]+)/g)].map(([, hash]) => hash as string)
  // The browser refuses one that is none of the hashes; Noise one that the peer does not vouch for.
  // All but the part that says SHA-256.
  const digest = (first as string).slice(4)
  const swapped = (first as string).slice(0, 4) + digest.split('').toReversed().join('')
  const forged = address.replace(`/certhash/${first}`, '').replace(second as string, swapped.replace(/.$/, 'A'))
  await expect(node.dial(forged)).rejects.toMatchObject({ attempts: [{ code: 'ERR_ADDRESS_UNREACHABLE' }] })
  const unvouched = address.replace(second as string, swapped.replace(/.$/, 'A'))
  await expect(node.dial(unvouched)).rejects.toMatchObject({ attempts: [{ code: 'ERR_SECURITY' }] })
  await expect(node.dial(address.replace(/p2p\/.*/, `p2p/${other.peerId}`))).rejects.toMatchObject({
    attempts: [{ code: 'ERR_WRONG_PEER' }]
  })
  const dead = address.replace(/udp\/\d+/, 'udp/9').replace(/\/p2p.*/, '')
  const quick = await page({ handshakeTimeoutMs: 500 })
  await expect(quick.dial(dead)).rejects.toMatchObject({ code: 'ERR_DIAL' })
  await expect(node.dial(dead, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
})
