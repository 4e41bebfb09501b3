import { multiaddr } from '@multiformats/multiaddr'
import { echoes, nodePeer, until } from '@peerloom/conformance/browser'
import { createNode } from '@peerloom/core'
import type { NodeContext } from '@peerloom/interface'
import { systemClock, systemRandom } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { webSockets, type WebSocketOptions } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'
import { expect, onTestFinished, test } from 'vitest'

interface Told {
  readonly addresses: string[]
}

const mebibyte = 1024 * 1024

async function page(options?: WebSocketOptions) {
  const node = await createNode({
    transports: [webSockets(options)],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()]
  })
  onTestFinished(() => node.stop())
  return node
}

async function meeting(options?: WebSocketOptions) {
  const peer = await nodePeer<Told>('./listening-peer.ts')
  return { peer, node: await page(options), addresses: peer.told.addresses }
}

/** Asks until the answer is the one that is waited for. */
async function untilAnswer(ask: () => Promise<unknown>, wanted: unknown): Promise<void> {
  const deadline = performance.now() + 10_000
  let answer = await ask()
  while (answer !== wanted) {
    if (performance.now() > deadline) throw new Error(`still ${String(answer)}, not ${String(wanted)}`)
    answer = await ask()
  }
}

test('a page dials a Node listener over IPv4, IPv6 and on a path, and echoes megabytes both ways', async () => {
  const { peer, node, addresses } = await meeting()
  expect(addresses).toHaveLength(3)
  await node.handle('/echo', (stream) => stream.sink(stream))
  for (const address of addresses) {
    const connection = await node.dial(address)
    expect(connection).toMatchObject({ transport: 'ws', security: '/noise', muxer: '/yamux/1.0.0' })
    expect(connection.remoteAddress.toString()).toBe(address)
    const stream = await connection.openStream('/echo')
    await echoes(stream, 4 * mebibyte)
    expect(await peer.ask('roundTrip', 2 * mebibyte)).toBe(2 * mebibyte)
    await connection.close()
    await untilAnswer(() => peer.ask('connections'), 0)
  }
})

test('50 connections of one page, each with a stream of its own', async () => {
  const { peer, addresses } = await meeting()
  const nodes = await Promise.all(Array.from({ length: 50 }, () => page()))
  const answers = await Promise.all(
    nodes.map(async (node, at) => {
      const stream = await node.openStream(multiaddr(addresses[0] as string), '/echo')
      await stream.write(new Uint8Array(10_000).fill(at))
      await stream.closeWrite()
      let got = 0
      for await (const bytes of stream) got += bytes.filter((byte) => byte === at).length
      return got
    })
  )
  expect(answers).toEqual(answers.map(() => 10_000))
  expect(await peer.ask('connections')).toBe(50)
  await Promise.all(nodes.map((node) => node.stop()))
  await untilAnswer(() => peer.ask('connections'), 0)
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

test('a lost connection is noticed on either side', async () => {
  const { peer, node, addresses } = await meeting()
  const lost = await node.dial(addresses[0] as string)
  await untilAnswer(() => peer.ask('connections'), 1)
  await peer.ask('abort')
  await until('the page has noticed', () => lost.status === 'closed')
  const given = await node.dial(addresses[0] as string)
  await untilAnswer(() => peer.ask('connections'), 1)
  given.abort(new Error('enough'))
  await untilAnswer(() => peer.ask('connections'), 0)
})

test('nobody there, what is no WebSocket, and an abort are typed failures', async () => {
  const node = await page()
  await expect(node.dial('/ip4/127.0.0.1/tcp/9/ws')).rejects.toMatchObject({ code: 'ERR_DIAL' })
  await expect(node.dial('/ip4/127.0.0.1/tcp/9')).rejects.toMatchObject({
    code: 'ERR_DIAL',
    message: /ERR_NO_TRANSPORT/
  })
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(node.dial('/dns4/localhost/tcp/9/ws', { signal })).rejects.toThrow('enough')
})

test('names are left to the browser', async () => {
  const { node, addresses } = await meeting()
  const connection = await node.dial((addresses[0] as string).replace('/ip4/127.0.0.1', '/dns4/localhost'))
  expect(connection.remoteAddress.toString()).toContain('/dns4/localhost/')
})

test('a page cannot listen, and says so', async () => {
  const transport = webSockets()({ clock: systemClock, random: systemRandom } as NodeContext)
  const address = multiaddr('/ip4/127.0.0.1/tcp/0/ws')
  expect(transport.canListen(address)).toBe(false)
  const listener = transport.createListener({ upgrader: {} as never })
  await expect(listener.listen(address)).rejects.toMatchObject({ code: 'ERR_LISTEN' })
  expect(listener.addresses()).toEqual([])
})
