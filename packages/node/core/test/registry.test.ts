import { settle, until } from '@peerloom/conformance'
import type { Stream, Topology } from '@peerloom/interface'
import { expect, test } from 'vitest'
import { contextModule } from './context.ts'
import { memoryNetwork, memoryNode, type TestNode } from './nodes.ts'
import { createNode } from '@peerloom/core'

async function pair(): Promise<{ near: TestNode; far: TestNode }> {
  const network = memoryNetwork()
  const far = await memoryNode(network)
  const near = await memoryNode(network)
  near.peers.addAddresses(far.peerId, far.multiaddrs())
  return { near, far }
}

const outcome = async (stream: Stream): Promise<string> => {
  let text = ''
  for await (const bytes of stream) text += new TextDecoder().decode(bytes)
  return text
}
const say = (text: string): Uint8Array => new TextEncoder().encode(text)

test('a stream gets the handler of its protocol, with the connection it came on', async () => {
  const { near, far } = await pair()
  await far.handle(['/a', '/b'], async (stream, connection) => {
    expect(stream.connection).toBe(connection)
    await stream.write(say(`${stream.protocol} ${stream.direction} ${connection.remotePeer.equals(near.peerId)}`))
    await stream.close()
  })
  const streams = await Promise.all(['/a', '/b'].map((protocol) => near.openStream(far.peerId, protocol)))
  expect(await Promise.all(streams.map(outcome))).toEqual(['/a inbound true', '/b inbound true'])
})

test('the first protocol that the remote speaks is agreed on', async () => {
  const { near, far } = await pair()
  await far.handle('/old', (stream) => void stream.close())
  const stream = await near.openStream(far.peerId, ['/new', '/old'])
  expect(stream.protocol).toBe('/old')
  await expect(near.openStream(far.peerId, ['/x', '/y'])).rejects.toMatchObject({
    code: 'ERR_UNSUPPORTED_PROTOCOL',
    remote: true
  })
})

test.each([0, 32, 100_000])('a protocol that nobody serves fails a stream with %s bytes under way', async (length) => {
  const { near, far } = await pair()
  const stream = await near.openStream(far.peerId, '/nobody')
  stream.send(new Uint8Array(length).fill(32))
  await expect(outcome(stream)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED_PROTOCOL' })
  expect(stream.connection.status).toBe('open')
  await until('no stream is left', () => far.inspect().limits.system.streamsInbound === 0)
})

test.each(['throws', 'rejects', 'rejects late'])('a handler that %s resets its stream only', async (how) => {
  const { near, far } = await pair()
  await far.handle('/good', (stream) => void stream.sink([say('fine')]))
  await far.handle('/bad', (stream) => {
    if (how === 'throws') throw new Error('cannot')
    return how === 'rejects' ? Promise.reject(new Error('cannot')) : settle().then(() => Promise.reject(stream))
  })
  const bad = await near.openStream(far.peerId, '/bad')
  await expect(outcome(bad)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET', remote: true })
  expect(await outcome(await near.openStream(bad.connection, '/good'))).toBe('fine')
  await until('nothing is counted', () => far.inspect().counts.inboundStreams <= 1)
})

test('streams of one protocol and peer are bounded, and one that ends makes room', async () => {
  const { near, far } = await pair()
  const served: Stream[] = []
  await far.handle('/two', (stream) => void served.push(stream), { maxInboundStreams: 2 })
  const one = await near.openStream(far.peerId, '/two')
  const two = await near.openStream(far.peerId, '/two')
  const three = await near.openStream(far.peerId, '/two')
  await expect(outcome(three)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET' })
  expect(served).toHaveLength(2)
  one.abort(new Error('over'))
  await until('one has left', () => far.inspect().counts.inboundStreams === 1)
  const four = await near.openStream(far.peerId, '/two')
  await until('there is room again', () => served.length === 3)
  for (const stream of [two, four]) await stream.close()
  for (const stream of served) await stream.close()
  await until('none is counted', () => far.inspect().counts.inboundStreams === 0)
})

test('the bound is for each peer', async () => {
  const network = memoryNetwork()
  const hub = await memoryNode(network)
  let served = 0
  await hub.handle('/one', () => void served++, { maxInboundStreams: 1 })
  for (const peer of await Promise.all([memoryNode(network), memoryNode(network)])) {
    const connection = await peer.dial(hub.multiaddrs())
    await connection.openStream('/one')
  }
  await until('both are served', () => served === 2)
})

test('a second handler, an empty name and one with a newline are refused, all or nothing', async () => {
  const { far } = await pair()
  await far.handle('/a', () => {})
  for (const name of ['/a', '', '/x\n']) {
    await expect(far.handle(['/free', name], () => {})).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  }
  expect(far.inspect().protocols).toEqual(['/a'])
  await far.unhandle(['/a', '/unknown'])
  expect(far.inspect().protocols).toEqual([])
  await far.handle('/a', () => {})
})

test('streams that are being served live on when their protocol is no longer served', async () => {
  const { near, far } = await pair()
  let served: Stream | undefined
  await far.handle('/a', (stream) => void (served = stream))
  const stream = await near.openStream(far.peerId, '/a')
  await until('it is served', () => served !== undefined)
  await far.unhandle('/a')
  await served?.sink([say('still here')])
  expect(await outcome(stream)).toBe('still here')
})

test('topologies hear of peers that speak their protocols, those that are connected already included', async () => {
  const network = memoryNetwork()
  const far = await memoryNode(network)
  const node = await createNode({ start: false, services: { context: contextModule() } })
  const { context } = node.services
  const near = await memoryNode(network)
  const seen: string[] = []
  const topology = (name: string, protocols: string[]): Topology => ({
    protocols,
    onConnect: () => seen.push(`${name} connect`),
    onDisconnect: () => seen.push(`${name} disconnect`)
  })
  near.watch(topology('early', ['/a']))
  near.watch({ protocols: ['/a'], onConnect: () => expect.unreachable(), onDisconnect: () => {}, allowLimited: false })
  expect(context.protocols.list()).toEqual([])
  const connection = await near.dial(far.multiaddrs())
  const learn = (protocols: string[]): void => {
    near.peers.patch(far.peerId, { protocols })
    near.events.emit('peer:identify', {
      peerId: far.peerId,
      connection,
      protocols,
      agentVersion: undefined,
      protocolVersion: undefined,
      listenAddresses: [],
      observedAddress: undefined,
      signedRecord: undefined
    })
  }
  learn(['/a', '/b'])
  learn(['/a', '/b'])
  const off = near.watch(topology('late', ['/b']))
  learn(['/b'])
  off()
  learn(['/a'])
  await near.hangUp(far.peerId)
  expect(seen).toEqual(['early connect', 'late connect', 'early disconnect', 'early connect', 'early disconnect'])
})
