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

test('what changes and changes back is pushed to nobody, nor is a verdict on an address', async () => {
  const clock = new ManualClock()
  const far = await identifyNode()
  const near = await identifyNode({}, clock)
  let told = 0
  far.events.on('peer:identify', () => told++)
  await near.dial(far.multiaddrs())
  await until('both know each other', () => {
    return told === 1 && near.peers.get(far.peerId)?.protocols.includes(pushProtocol) === true
  })
  await near.handle('/new', () => {})
  await near.unhandle('/new')
  near.addresses.setReachability(multiaddr(near.addresses.list()[0]?.address.toString() as string), 'public')
  await clock.advance(1000)
  await near.handle('/seen', () => {})
  await clock.advance(1000)
  await until('the push has arrived', () => told === 2)
  await settle(20)
  expect(told).toBe(2)
  expect(far.peers.get(near.peerId)?.protocols).toContain('/seen')
})

test('a peer that was told in between is told when it is no longer true', async () => {
  const clock = new ManualClock()
  const far = await identifyNode({ onConnection: false })
  const near = await identifyNode({}, clock)
  await near.dial(far.multiaddrs())
  await until('near knows far', () => near.peers.get(far.peerId)?.protocols.includes(pushProtocol) === true)
  const [connection] = far.connections.list()
  await near.handle('/new', () => {})
  await far.services.identify.identify(connection as never)
  expect(far.peers.get(near.peerId)?.protocols).toContain('/new')
  await near.unhandle('/new')
  await clock.advance(200)
  await until('it is taken back', () => far.peers.get(near.peerId)?.protocols.includes('/new') === false)
})

test('pushes under way at once are bounded, and changes meanwhile are one more push', async () => {
  const clock = new ManualClock()
  const near = await identifyNode({ maxParallelPushes: 2, timeoutMs: 3000 }, clock)
  const message = encodeIdentify({ listenAddresses: [], protocols: [pushProtocol] }).map(lengthPrefix)
  let pushes = 0
  for (let at = 0; at < 5; at++) {
    const far = await liar((stream) => stream.sink(message))
    await far.handle(pushProtocol, (stream) => {
      pushes++
      void stream.close()
    })
    await near.services.identify.identify(await near.dial(far.multiaddrs()))
  }
  const outbound = (): number =>
    near.connections.list().flatMap(({ streams }) => streams.filter(({ direction }) => direction === 'outbound')).length
  await until('nothing is asked any more', () => outbound() === 0)
  let sign: (() => void) | undefined
  const { signedRecord } = near.addresses
  near.addresses.signedRecord = async () => {
    await new Promise<void>((resolve) => (sign = resolve))
    return signedRecord.call(near.addresses)
  }
  await near.handle('/one', () => {})
  await clock.advance(200)
  await settle(20)
  expect(outbound()).toBe(2)
  for (let at = 0; at < 10; at++) {
    await near.handle(`/more/${at}`, () => {})
    await clock.advance(200)
  }
  near.addresses.signedRecord = signedRecord
  sign?.()
  await until('everybody was told twice', () => pushes === 10)
  await settle(20)
  expect(pushes).toBe(10)
})

test('of several connections to a peer one is told', async () => {
  const clock = new ManualClock()
  const near = await identifyNode({}, clock)
  const far = await identifyNode()
  let told = 0
  await near.dial(far.multiaddrs())
  await near.dial(far.multiaddrs(), { force: true })
  expect(near.connections.list(far.peerId)).toHaveLength(2)
  await until('near knows far', () => near.peers.get(far.peerId)?.protocols.includes(pushProtocol) === true)
  await until('far knows near', () => far.peers.get(near.peerId)?.protocols.includes(pushProtocol) === true)
  await settle(20)
  far.events.on('peer:identify', () => told++)
  await near.handle('/new', () => {})
  await clock.advance(200)
  await until('the push has arrived', () => told > 0)
  await settle(20)
  expect(told).toBe(1)
})

test('stopping does not wait for a push that nobody takes', async () => {
  const clock = new ManualClock()
  const near = await identifyNode({ timeoutMs: 1e9 }, clock)
  const far = await identifyNode()
  await near.services.identify.identify(await near.dial(far.multiaddrs()))
  near.addresses.signedRecord = () => new Promise(() => {})
  await near.handle('/new', () => {})
  const [connection] = near.connections.list()
  if (connection === undefined) return expect.unreachable()
  let opening = false
  connection.openStream = (_, options) => {
    opening = true
    return new Promise((_resolve, reject) =>
      options?.signal?.addEventListener('abort', () => reject(options.signal?.reason))
    )
  }
  await clock.advance(200)
  expect(opening).toBe(true)
  await near.stop()
  expect(clock.pending).toBe(0)
})

test('a failure to sign is the failure of one question only', async () => {
  const far = await identifyNode({ onConnection: false })
  const near = await identifyNode({ onConnection: false })
  const { signedRecord } = far.addresses
  far.addresses.signedRecord = () => Promise.reject(new Error('no key today'))
  const connection = await near.dial(far.multiaddrs())
  await expect(near.services.identify.identify(connection)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET' })
  far.addresses.signedRecord = signedRecord
  expect((await near.services.identify.identify(connection)).protocols).toContain(pushProtocol)
})

test('a node with too much to tell tells what fits', async () => {
  const far = await identifyNode({ onConnection: false })
  const near = await identifyNode({ onConnection: false, maxProtocols: 2000 })
  for (let at = 0; at < 900; at++) await far.handle(`/${'x'.repeat(90)}/${at}`, () => {})
  const connection = await near.dial(far.multiaddrs())
  const { protocols, signedRecord } = await near.services.identify.identify(connection)
  expect(protocols.length).toBeGreaterThan(200)
  expect(signedRecord).toBeDefined()
  await far.unhandle(far.inspect().protocols.filter((name) => name.startsWith('/x')))
  for (let at = 0; at < 900; at++) far.addresses.add(multiaddr(`/dns/${'x'.repeat(60)}/tcp/${at + 1}`), 'mapped')
  const { listenAddresses } = await near.services.identify.identify(connection)
  expect(listenAddresses.length).toBeGreaterThan(200)
})
