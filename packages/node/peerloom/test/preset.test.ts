import { until } from '@peerloom/conformance'
import { perf } from '@peerloom/perf'
import { networkInterfaces } from 'node:os'
import { createNode } from 'peerloom'
import { expect, expectTypeOf, onTestFinished, test } from 'vitest'

const local = { addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] } }

test('a node of the preset listens, is encrypted, multiplexed and identified', async () => {
  const [one, two] = await Promise.all([createNode(local), createNode(local)])
  onTestFinished(async () => {
    await Promise.all([one.stop(), two.stop()])
  })
  await two.handle('/echo/1.0.0', async (stream) => {
    for await (const bytes of stream) await stream.write(bytes)
    await stream.close()
  })
  const stream = await one.openStream(two.multiaddrs(), '/echo/1.0.0')
  await stream.write(new TextEncoder().encode('hello'))
  await stream.closeWrite()
  let text = ''
  for await (const bytes of stream) text += new TextDecoder().decode(bytes)
  expect(text).toBe('hello')
  expect(stream.connection).toMatchObject({ security: '/tls/1.0.0', muxer: '/yamux/1.0.0', earlyMuxer: true })
  expect(await one.services.ping.ping(two.peerId)).toBeGreaterThan(0)
  await until('they know each other', () => one.peers.get(two.peerId)?.agentVersion !== undefined)
})

test('services are added to those of the preset, with their types', async () => {
  const node = await createNode({ ...local, services: { perf: perf() }, start: false })
  expectTypeOf(node.services.perf.run).toBeFunction()
  expectTypeOf(node.services.ping.ping).toBeFunction()
  expect(Object.keys(node.services).toSorted()).toEqual(['identify', 'perf', 'ping'])
})

test('a node of the preset is disposed of at the end of its block', async () => {
  let status: string | undefined
  {
    await using node = await createNode(local)
    node.events.on('stop', () => (status = node.status))
    expect(node.status).toBe('started')
  }
  expect(status).toBe('stopped')
})

test('a node of the preset listens on IPv6 too, where there is any', async () => {
  await using node = await createNode()
  const hasIPv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ family }) => family === 'IPv6'))
  const families = new Set(node.multiaddrs().map((address) => address.getComponents()[0]?.name))
  expect(families.has('ip6')).toBe(hasIPv6)
})
