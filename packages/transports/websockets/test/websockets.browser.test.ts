import { multiaddr } from '@multiformats/multiaddr'
import { nodePeer, type ServedTold, testPage, untilAnswer } from '@peerloom/conformance/browser'
import { createNode } from '@peerloom/core'
import type { NodeContext } from '@peerloom/interface'
import { systemClock, systemRandom } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { webSockets, type WebSocketOptions } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'
import { expect, onTestFinished, test } from 'vitest'

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
  const peer = await nodePeer<ServedTold>('./listening-peer.ts')
  return { peer, node: await page(options), addresses: peer.told.addresses }
}

testPage('WebSocket', () => meeting())

test('connections over IPv4, IPv6 and a path are WebSockets with Noise and yamux', async () => {
  const { node, addresses } = await meeting()
  expect(addresses).toHaveLength(3)
  for (const address of addresses) {
    const connection = await node.dial(address)
    expect(connection).toMatchObject({ transport: 'ws', security: '/noise', muxer: '/yamux/1.0.0' })
    await connection.close()
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
