import { multiaddr } from '@multiformats/multiaddr'
import { lengthPrefix } from '@peerloom/bounded'
import { ManualClock, settle, until } from '@peerloom/conformance'
import { encodeIdentify } from '@peerloom/identify'
import { byteReader } from '@peerloom/streams'
import { expect, test } from 'vitest'
import { identifyNode, liar, pushProtocol } from './nodes.ts'

test('connected peers are told when what we speak changes, many changes at once in one push', async () => {
  const clock = new ManualClock()
  const far = await identifyNode()
  const near = await identifyNode({}, clock)
  let told = 0
  far.events.on('peer:identify', () => told++)
  await near.dial(far.multiaddrs())
  await until('both know each other', () => {
    return told === 1 && near.peers.get(far.peerId)?.protocols.includes(pushProtocol) === true
  })
  for (let at = 0; at < 10; at++) await near.handle(`/new/${at}`, () => {})
  await clock.advance(199)
  expect(told).toBe(1)
  await clock.advance(1)
  await until('the push has arrived', () => told === 2)
  expect(far.peers.get(near.peerId)?.protocols).toHaveLength(12)
  await near.unhandle(['/new/0', '/new/1'])
  await clock.advance(200)
  await until('the second push has arrived', () => told === 3)
  expect(far.peers.get(near.peerId)?.protocols).toHaveLength(10)
})

test('connected peers are told when our addresses change', async () => {
  const far = await identifyNode()
  const near = await identifyNode({ pushDelayMs: 1 })
  await near.dial(far.multiaddrs())
  await until('they know each other', () => near.peers.get(far.peerId)?.protocols.length === 2)
  await until('they know each other', () => far.peers.get(near.peerId)?.protocols.length === 2)
  near.addresses.add(multiaddr('/ip4/5.5.5.5/tcp/1'), 'mapped')
  await until('the new address is there', () => far.peers.get(near.peerId)?.addresses.length === 2)
  expect(far.peers.get(near.peerId)?.addresses.every(({ certified }) => certified)).toBe(true)
})

test('a peer that does not know pushes is sent none', async () => {
  const opened: string[] = []
  const quiet = await liar((stream) =>
    stream.sink(encodeIdentify({ listenAddresses: [], protocols: ['/a'] }).map(lengthPrefix))
  )
  await quiet.handle(pushProtocol, (stream) => void opened.push(stream.protocol))
  const near = await identifyNode({ pushDelayMs: 0 })
  await near.services.identify.identify(await near.dial(quiet.multiaddrs()))
  await near.handle('/new', () => {})
  await settle(20)
  expect(opened).toEqual([])
})

test('a push that names no protocols leaves those that are known', async () => {
  const victim = await identifyNode({ onConnection: false })
  const near = await liar(() => {})
  const push = async (message: Parameters<typeof encodeIdentify>[0]): Promise<void> => {
    const stream = await near.openStream(victim.multiaddrs()[0] as never, pushProtocol)
    await stream.sink(encodeIdentify(message).map(lengthPrefix))
    await expect(byteReader(stream).read(1)).rejects.toMatchObject({ code: 'ERR_UNEXPECTED_END' })
  }
  await push({ listenAddresses: [], protocols: ['/a', '/b'], agentVersion: 'one' })
  await push({ listenAddresses: [], agentVersion: 'two' })
  expect(victim.peers.get(near.peerId)).toMatchObject({ protocols: ['/a', '/b'], agentVersion: 'two' })
})

test('pushes of one connection are bounded: a burst, then one every five seconds', async () => {
  const clock = new ManualClock()
  const victim = await identifyNode({ onConnection: false }, clock)
  const near = await liar(() => {})
  const connection = await near.dial(victim.multiaddrs())
  const message = encodeIdentify({ listenAddresses: [], agentVersion: 'x' }).map(lengthPrefix)
  const push = async (): Promise<string> => {
    const stream = await connection.openStream(pushProtocol)
    await stream.sink(message).catch(() => {})
    const error: unknown = await byteReader(stream)
      .read(1)
      .catch((cause: unknown) => cause)
    return (error as { code: string }).code
  }
  const results: string[] = []
  for (let at = 0; at < 15; at++) results.push(await push())
  expect(results.filter((code) => code === 'ERR_UNEXPECTED_END')).toHaveLength(10)
  expect(results.slice(10)).toEqual(Array(5).fill('ERR_CHANNEL_RESET'))
  await clock.advance(5000)
  expect([await push(), await push()]).toEqual(['ERR_UNEXPECTED_END', 'ERR_CHANNEL_RESET'])
  expect(connection.status).toBe('open')
})

test('stopping takes back the timer and the handlers, and starting again works', async () => {
  const clock = new ManualClock()
  const near = await identifyNode({}, clock)
  await near.handle('/new', () => {})
  expect(clock.pending).toBeGreaterThan(0)
  await near.stop()
  expect(clock.pending).toBe(0)
  expect(near.inspect().protocols).toEqual(['/new'])
  await near.start()
  const far = await identifyNode()
  await far.services.identify.identify(await far.dial(near.multiaddrs()))
  expect(far.peers.get(near.peerId)?.protocols).toContain('/new')
})
