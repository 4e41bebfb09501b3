import { until } from '@peerloom/conformance'
import type { IdentifyResult } from '@peerloom/interface'
import { expect, test } from 'vitest'
import { identifyNode, identifyProtocol, pushProtocol } from './nodes.ts'

test('two nodes tell each other who they are as soon as they meet', async () => {
  const far = await identifyNode()
  const near = await identifyNode()
  await far.handle('/chat/1', () => {})
  const results: IdentifyResult[] = []
  near.events.on('peer:identify', (result) => results.push(result))
  const connection = await near.dial(far.multiaddrs())
  await until('both know', () => results.length === 1 && near.peers.get(far.peerId)?.agentVersion !== undefined)
  const [result] = results as [IdentifyResult]
  expect(result.connection).toBe(connection)
  expect(result.peerId.equals(far.peerId)).toBe(true)
  expect(result.agentVersion).toMatch(/^peerloom\//)
  expect(result.protocolVersion).toBe('ipfs/0.1.0')
  expect(result.protocols).toEqual(['/chat/1', identifyProtocol, pushProtocol])
  expect(result.listenAddresses.map(String)).toEqual(far.addresses.list().map(({ address }) => address.toString()))
  expect(result.observedAddress?.toString()).toBe(connection.localAddress?.toString())
  await until('the other side knows as well', () => far.peers.get(near.peerId)?.protocols.length === 2)
})

test('what is learned stands in the address book, certified by the peer’s own signature', async () => {
  const far = await identifyNode()
  const near = await identifyNode()
  const { signedRecord } = await near.services.identify.identify(await near.dial(far.multiaddrs()))
  expect(signedRecord).toEqual(await far.addresses.signedRecord())
  const entry = near.peers.get(far.peerId)
  expect(entry?.addresses.every(({ certified }) => certified)).toBe(true)
  expect(entry?.addresses).toHaveLength(1)
  await near.hangUp(far.peerId)
  await near.dial(far.peerId) // by what was learned
})

test('questions about one connection that come together are one question', async () => {
  const far = await identifyNode()
  const near = await identifyNode({ onConnection: false })
  const connection = await near.dial(far.multiaddrs())
  const [one, two] = await Promise.all([1, 2].map(() => near.services.identify.identify(connection)))
  expect(two).toBe(one)
  expect(await near.services.identify.identify(connection)).not.toBe(one)
})

test('one caller gives up without ending the question for the others', async () => {
  const far = await identifyNode()
  const near = await identifyNode({ onConnection: false })
  const connection = await near.dial(far.multiaddrs())
  const abort = new AbortController()
  const patient = near.services.identify.identify(connection)
  const hasty = near.services.identify.identify(connection, abort)
  abort.abort(new Error('enough'))
  await expect(hasty).rejects.toThrow('enough')
  await patient
  await expect(near.services.identify.identify(connection, abort)).rejects.toThrow('enough')
})

test('a protocol that the peer is known to speak is opened without waiting for its answer', async () => {
  const far = await identifyNode()
  const near = await identifyNode()
  await far.handle(['/old', '/new'], (stream) => void stream.sink(stream))
  const connection = await near.dial(far.multiaddrs())
  await near.services.identify.identify(connection)
  const stream = await connection.openStream(['/new', '/old'])
  expect(stream.protocol).toBe('/new')
  await stream.write(new Uint8Array(10))
  await stream.closeWrite()
  let got = 0
  for await (const bytes of stream) got += bytes.length
  expect(got).toBe(10)
})

test('topologies hear of a peer when it has told what it speaks', async () => {
  const far = await identifyNode()
  const near = await identifyNode()
  await far.handle('/mesh/1', () => {})
  const seen: string[] = []
  near.watch({
    protocols: ['/mesh/1'],
    onConnect: (peer) => seen.push(`connect ${peer}`),
    onDisconnect: (peer) => seen.push(`disconnect ${peer}`)
  })
  await near.dial(far.multiaddrs())
  await until('it is known', () => seen.length === 1)
  await near.hangUp(far.peerId)
  expect(seen).toEqual([`connect ${far.peerId}`, `disconnect ${far.peerId}`])
})

test('a peer that comes back after its addresses were forgotten is known again', async () => {
  const far = await identifyNode()
  const near = await identifyNode()
  await near.services.identify.identify(await near.dial(far.multiaddrs()))
  await near.hangUp(far.peerId)
  near.peers.delete(far.peerId)
  await near.services.identify.identify(await near.dial(far.multiaddrs()))
  expect(near.peers.get(far.peerId)?.addresses).toHaveLength(1)
})

test('a failure to say who we are is not kept', async () => {
  const far = await identifyNode()
  const near = await identifyNode({ onConnection: false })
  const { signedRecord } = far.addresses
  let failures = 1
  Object.assign(far.addresses, {
    signedRecord: () => (failures-- > 0 ? Promise.reject(new Error('no key')) : signedRecord.call(far.addresses))
  })
  await far.handle('/new', () => {})
  const connection = await near.dial(far.multiaddrs())
  await expect(near.services.identify.identify(connection)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET' })
  expect((await near.services.identify.identify(connection)).protocols).toContain('/new')
})

test('a peer without identify is a connection all the same', async () => {
  const far = await identifyNode()
  await far.unhandle(identifyProtocol)
  const near = await identifyNode()
  const connection = await near.dial(far.multiaddrs())
  await expect(near.services.identify.identify(connection)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED_PROTOCOL' })
  expect(connection.status).toBe('open')
  await far.handle(identifyProtocol, () => {}) // for stop() to take back
})
