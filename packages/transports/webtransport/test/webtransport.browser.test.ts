import { multiaddr } from '@multiformats/multiaddr'
import { echoes, nodePeer, until } from '@peerloom/conformance/browser'
import { createNode } from '@peerloom/core'
import { noise } from '@peerloom/noise'
import { webTransport, type WebTransportOptions } from '@peerloom/webtransport'
import { expect, onTestFinished, test } from 'vitest'

interface Told {
  readonly addresses: string[]
}

const mebibyte = 1024 * 1024

async function page(options?: WebTransportOptions) {
  const node = await createNode({ transports: [webTransport(options)], connectionEncryption: [noise()] })
  onTestFinished(() => node.stop())
  return node
}

async function meeting() {
  const peer = await nodePeer<Told>('./listening-peer.ts')
  return { peer, node: await page(), addresses: peer.told.addresses }
}

async function untilAnswer(ask: () => Promise<unknown>, wanted: unknown): Promise<void> {
  const deadline = performance.now() + 10_000
  let answer = await ask()
  while (answer !== wanted) {
    if (performance.now() > deadline) throw new Error(`still ${String(answer)}, not ${String(wanted)}`)
    answer = await ask()
  }
}

test('a page dials a Node listener over IPv4 and IPv6, and echoes megabytes both ways', async () => {
  const { peer, node, addresses } = await meeting()
  expect(addresses).toHaveLength(2)
  await node.handle('/echo', (stream) => stream.sink(stream))
  for (const address of addresses) {
    expect(address.match(/certhash/g)).toHaveLength(2)
    const connection = await node.dial(address)
    expect(connection).toMatchObject({ transport: 'webtransport', security: '/noise', muxer: 'webtransport' })
    await untilAnswer(
      async () => JSON.stringify(await peer.ask('peers')),
      JSON.stringify([[`${node.peerId}`, '/noise']])
    )
    const stream = await connection.openStream('/echo')
    await echoes(stream, 4 * mebibyte)
    expect(await peer.ask('roundTrip', 2 * mebibyte)).toBe(2 * mebibyte)
    await connection.close()
    await untilAnswer(() => peer.ask('connections'), 0)
  }
})

test('60 streams at once, each with its own bytes', async () => {
  const { node, addresses } = await meeting()
  const connection = await node.dial(addresses[0] as string)
  const answers = await Promise.all(
    Array.from({ length: 60 }, async (_, at) => {
      const stream = await connection.openStream('/echo')
      await stream.write(new Uint8Array(10_000).fill(at))
      await stream.closeWrite()
      let got = 0
      for await (const bytes of stream) got += bytes.filter((byte) => byte === at).length
      return got
    })
  )
  expect(answers).toEqual(answers.map(() => 10_000))
  await until('no stream is left', () => connection.streams.length === 0)
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

test('everything that was written before a close arrives', async () => {
  const { peer, node, addresses } = await meeting()
  const connection = await node.dial(addresses[0] as string)
  const stream = await connection.openStream('/hold')
  for (let at = 0; at < 64; at++) await stream.write(new Uint8Array(50_000))
  await stream.close()
  await connection.close()
  await untilAnswer(() => peer.ask('held'), 3_200_000)
})

test('a remote that takes nothing stops the page', async () => {
  const { node, addresses } = await meeting()
  const stream = await node.openStream(multiaddr(addresses[0] as string), '/deaf')
  let accepted = 0
  while (stream.writable && accepted < 64 * mebibyte) {
    stream.send(new Uint8Array(mebibyte / 4))
    accepted += mebibyte / 4
    await Promise.race([stream.drained(), new Promise((resolve) => setTimeout(resolve, 300))])
  }
  expect(accepted).toBeLessThan(64 * mebibyte)
  stream.abort(new Error('the test is over'))
})

test('the end of a connection is noticed on either side', async () => {
  const { peer, node, addresses } = await meeting()
  for (const how of ['abort', 'close']) {
    const ended = await node.dial(addresses[0] as string)
    await untilAnswer(() => peer.ask('connections'), 1)
    await peer.ask(how)
    await until('the page has noticed', () => ended.status === 'closed')
  }
  const given = await node.dial(addresses[0] as string)
  await untilAnswer(() => peer.ask('connections'), 1)
  given.abort(new Error('enough'))
  await untilAnswer(() => peer.ask('connections'), 0)
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
