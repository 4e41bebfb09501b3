import { multiaddr } from '@multiformats/multiaddr'
import { lengthPrefix, ProtobufWriter } from '@peerloom/bounded'
import { ManualClock, until } from '@peerloom/conformance'
import { encodeIdentify } from '@peerloom/identify'
import {
  generateKey,
  peerIdFromBytes,
  peerIdFromPrivateKey,
  peerIdFromPublicKey,
  sealPeerRecord
} from '@peerloom/identity'
import { expect, test } from 'vitest'
import { identifyNode, liar, say, seenAs } from './nodes.ts'

/** Asks a liar who it is. */
async function ask(answer: Parameters<typeof liar>[0], options: Parameters<typeof identifyNode>[0] = {}) {
  const [far, near] = [await liar(answer), await identifyNode({ onConnection: false, ...options })]
  const connection = await near.dial(far.multiaddrs())
  const asking = near.services.identify.identify(connection)
  asking.catch(() => {})
  return { far, near, connection, asking }
}

const field = (number: number, bytes: Uint8Array): Uint8Array => new ProtobufWriter().bytes(number, bytes).finish()
const join = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

test('ten thousand addresses do not fill the address book', async () => {
  const fields = Array.from({ length: 10_000 }, (_, at) =>
    field(2, multiaddr(`/ip4/1.${at >> 8}.${at & 255}.1/tcp/1`).bytes)
  )
  // As many messages as it takes, each as long as may be.
  const messages = Array.from({ length: 20 }, (_, at) => join(fields.slice(at * 500, (at + 1) * 500)))
  const { near, far, asking, connection } = await ask(say(...messages))
  await expect(asking).rejects.toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE', remote: true })
  const fitting = await ask(say(...messages.slice(0, 4)))
  await fitting.asking.catch(() => {})
  expect(fitting.near.peers.get(fitting.far.peerId)?.addresses.length ?? 0).toBeLessThanOrEqual(64)
  expect(near.peers.get(far.peerId)?.addresses ?? []).toEqual([])
  expect(connection.status).toBe('open')
})

test('addresses and protocols over the bounds are left out, the others are taken', async () => {
  const listenAddresses = Array.from({ length: 100 }, (_, at) => multiaddr(`/ip4/1.1.1.1/tcp/${at + 1}`))
  const protocols = Array.from({ length: 200 }, (_, at) => `/p/${at}`)
  const { near, far, asking } = await ask(say(...encodeIdentify({ listenAddresses, protocols })), {
    maxAddresses: 10,
    maxProtocols: 20
  })
  const result = await asking
  expect([result.listenAddresses.length, result.protocols.length]).toEqual([10, 20])
  expect(near.peers.get(far.peerId)?.protocols).toHaveLength(20)
})

test('a hundred thousand protocols are refused', async () => {
  const name = new TextEncoder().encode('/x')
  const part = join(Array.from({ length: 2000 }, () => field(3, name)))
  const { asking, near, far } = await ask(say(...Array.from({ length: 50 }, () => part)))
  await expect(asking).rejects.toMatchObject({ remote: true })
  expect(near.peers.get(far.peerId)?.protocols ?? []).toEqual([])
})

test('a record of another peer is not believed, and gives it no address', async () => {
  const other = await generateKey()
  const addresses = [multiaddr('/ip4/6.6.6.6/tcp/1')]
  const signedPeerRecord = await sealPeerRecord(other, { seq: 1n, addresses })
  const { near, far, asking } = await ask(say(...encodeIdentify({ listenAddresses: [], signedPeerRecord })))
  expect((await asking).signedRecord).toBeUndefined()
  expect(near.peers.get(peerIdFromPrivateKey(other))).toBeUndefined()
  expect(near.peers.get(far.peerId)?.addresses).toEqual([])
})

test('a record with a wrong signature is not believed; the plain addresses are, for a while', async () => {
  const other = await generateKey()
  const signedPeerRecord = await sealPeerRecord(other, { seq: 1n, addresses: [] })
  signedPeerRecord[signedPeerRecord.length - 1] = (signedPeerRecord.at(-1) as number) ^ 1
  const listenAddresses = [multiaddr('/ip4/6.6.6.6/tcp/1')]
  const { near, far, asking } = await ask(say(...encodeIdentify({ listenAddresses, signedPeerRecord })))
  expect((await asking).signedRecord).toBeUndefined()
  expect(near.peers.get(far.peerId)?.addresses).toMatchObject([{ certified: false }])
})

test('the key of another peer is refused, and nothing of the message is taken', async () => {
  const { publicKey } = await generateKey()
  const message = encodeIdentify({ listenAddresses: [], publicKey: publicKey.protobuf, agentVersion: 'liar' })
  const { near, far, asking, connection } = await ask(say(...message))
  await expect(asking).rejects.toMatchObject({ code: 'ERR_WRONG_PEER', remote: true })
  expect(near.peers.get(far.peerId)?.agentVersion).toBeUndefined()
  expect(connection.status).toBe('open')
})

test('a message in pieces is put together', async () => {
  const protocols = Array.from({ length: 1000 }, (_, at) => `/protocol/with/a/name/${at}`)
  const pieces = encodeIdentify({ listenAddresses: [], protocols: protocols.slice(0, 900), agentVersion: 'long' })
  expect(pieces.length).toBeGreaterThan(3)
  const { asking } = await ask(say(...pieces))
  expect(await asking).toMatchObject({ protocols: protocols.slice(0, 900), agentVersion: 'long' })
})

test.each([
  ['eleven messages', say(...Array.from({ length: 11 }, () => new Uint8Array(0))), 'ERR_MESSAGE_TOO_LARGE'],
  ['a message over the length', say(new Uint8Array(8193)), 'ERR_MESSAGE_TOO_LARGE'],
  ['no message at all', say(), 'ERR_UNEXPECTED_END'],
  [
    'half a message',
    (stream: { sink(parts: Uint8Array[]): unknown }) => stream.sink([Uint8Array.of(9, 1)]),
    'ERR_UNEXPECTED_END'
  ],
  ['garbage', say(new Uint8Array(100).fill(0xff)), 'ERR_DECODE']
])('%s is refused', async (_, answer, code) => {
  const { asking, connection, far } = await ask(answer)
  await expect(asking).rejects.toMatchObject({ code, remote: true })
  expect(connection.status).toBe('open')
  await until('no stream is left', () => far.inspect().counts.inboundStreams === 0)
})

test.each([0, 1, 100])(
  'a peer that stops after %s bytes, or sends one at a time, is given up in time',
  async (length) => {
    const clock = new ManualClock()
    const [far, near] = [
      await liar((stream) => void stream.send(lengthPrefix(new Uint8Array(200)).subarray(0, length))),
      await identifyNode({ onConnection: false, timeoutMs: 3000 }, clock)
    ]
    const connection = await near.dial(far.multiaddrs())
    const failed = expect(near.services.identify.identify(connection)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    await until('it was asked', () => far.inspect().counts.inboundStreams === 1)
    await clock.advance(3000)
    await failed
    expect(connection.streams).toHaveLength(0)
    await until('no stream is left', () => far.inspect().counts.inboundStreams === 0)
  }
)

test('a drip of bytes does not stretch the bound', async () => {
  const clock = new ManualClock()
  let drip: (() => void) | undefined
  const far = await liar((stream) => {
    stream.send(Uint8Array.of(0xc8, 0x01))
    drip = () => void (stream.status === 'open' && stream.send(Uint8Array.of(0)))
  })
  const near = await identifyNode({ onConnection: false, timeoutMs: 3000 }, clock)
  const connection = await near.dial(far.multiaddrs())
  let failure: { code?: string } | undefined
  near.services.identify.identify(connection).catch((error: { code?: string }) => (failure = error))
  await until('it was asked', () => drip !== undefined)
  for (let at = 0; at < 6; at++) {
    drip?.()
    await clock.advance(500)
  }
  expect(failure).toMatchObject({ code: 'ERR_TIMEOUT' })
})

const everywhere = {
  host: [
    '/ip4/127.0.0.1/tcp/1',
    '/ip4/0.0.0.0/tcp/1',
    '/ip6/::1/tcp/1',
    '/ip6/::ffff:127.0.0.1/tcp/1',
    '/dns4/localhost/tcp/1',
    '/dns/x.localhost/tcp/1',
    '/memory/x'
  ],
  network: [
    '/ip4/10.0.0.1/tcp/1',
    '/ip4/172.31.0.1/tcp/1',
    '/ip4/192.168.0.1/tcp/1',
    '/ip4/169.254.169.254/tcp/1',
    '/ip4/100.64.0.1/tcp/1',
    '/ip6/fe80::1/tcp/1',
    '/ip6/fd00::1/tcp/1',
    '/ip6/::ffff:10.0.0.1/tcp/1',
    '/dns/printer.local/tcp/1'
  ],
  world: [
    '/ip4/172.32.0.1/tcp/1',
    '/ip4/100.128.0.1/tcp/1',
    '/ip6/2001:db8::1/tcp/1',
    '/ip6/fc::1/tcp/1',
    '/dns/example.org/tcp/1',
    '/dnsaddr/example.org'
  ]
}

test.each([
  ['/ip4/1.2.3.4/tcp/1', everywhere.world],
  ['/ip6/2001:db8::2/udp/1/quic-v1', everywhere.world],
  ['/ip4/10.1.1.1/tcp/1', [...everywhere.network, ...everywhere.world]],
  ['/ip4/127.0.0.1/tcp/1', [...everywhere.host, ...everywhere.network, ...everywhere.world]],
  ['/memory/y', [...everywhere.host, ...everywhere.network, ...everywhere.world]]
])('of a peer seen at %s, no address is believed that reaches less far', async (seenAt, believed) => {
  const listenAddresses = Object.values(everywhere).flatMap((group) => group.map((address) => multiaddr(address)))
  const { near, far, connection } = await ask(say(...encodeIdentify({ listenAddresses })))
  await near.hangUp(far.peerId)
  near.peers.delete(far.peerId)
  const seen = seenAs(await near.dial(far.multiaddrs()), { remoteAddress: multiaddr(seenAt) })
  await near.services.identify.identify(seen)
  const dialled = connection.remoteAddress.decapsulateCode(421).toString()
  const known = near.peers.get(far.peerId)?.addresses.map(({ address }) => address.toString()) ?? []
  expect(known.filter((address) => address !== dialled).toSorted()).toEqual(
    believed.map((address) => multiaddr(multiaddr(address).bytes).toString()).toSorted()
  )
})

test('a million protocols are refused', async () => {
  const part = join(Array.from({ length: 4096 }, () => field(3, new Uint8Array(0))))
  const { asking, near, far } = await ask(say(...Array.from({ length: 245 }, () => part)))
  await expect(asking).rejects.toMatchObject({ remote: true })
  expect(near.peers.get(far.peerId)?.protocols ?? []).toEqual([])
})

/** An RSA key whose DER says that it is longer than anything (CVE-2026-110789), in its protobuf. */
const hugeKey = new ProtobufWriter()
  .uint64(1, 0)
  .bytes(2, Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x02, 0x01, 0x03))
  .finish()

test('a key that claims to be huge is refused at once, also where only its hash is known', async () => {
  const { near, connection, asking } = await ask(say(...encodeIdentify({ listenAddresses: [], publicKey: hugeKey })))
  await expect(asking).rejects.toMatchObject({ code: 'ERR_WRONG_PEER', remote: true })
  const hashed = peerIdFromBytes(Uint8Array.from([0x12, 32, ...new Uint8Array(32)]))
  const seen = seenAs(connection, { remotePeer: hashed, remoteKey: undefined })
  await expect(near.services.identify.identify(seen)).rejects.toMatchObject({ code: 'ERR_INVALID_KEY', remote: true })
})

test('a record whose key claims to be huge is not believed, and harms nothing', async () => {
  const signedPeerRecord = new ProtobufWriter()
    .bytes(1, hugeKey)
    .bytes(2, Uint8Array.of(3, 1))
    .bytes(3, new Uint8Array(10))
    .bytes(5, new Uint8Array(256))
    .finish()
  const { asking, near, far } = await ask(say(...encodeIdentify({ listenAddresses: [], signedPeerRecord })))
  expect((await asking).signedRecord).toBeUndefined()
  expect(near.peers.get(far.peerId)?.signedRecord).toBeUndefined()
})

test('a transport that knows only the hash of the key learns the key, and takes no other', async () => {
  const { publicKey } = await generateKey('ECDSA')
  const owner = peerIdFromBytes(peerIdFromPublicKey(publicKey).bytes)
  const message = encodeIdentify({ listenAddresses: [], publicKey: publicKey.protobuf, agentVersion: 'x' })
  const { near, connection } = await ask(say(...message))
  const result = await near.services.identify.identify(seenAs(connection, { remotePeer: owner, remoteKey: undefined }))
  expect(result.agentVersion).toBe('x')
  expect(near.peers.get(owner)?.publicKey?.equals(publicKey)).toBe(true)
  const other = peerIdFromBytes(peerIdFromPublicKey((await generateKey('ECDSA')).publicKey).bytes)
  await expect(
    near.services.identify.identify(seenAs(connection, { remotePeer: other, remoteKey: undefined }))
  ).rejects.toMatchObject({ code: 'ERR_WRONG_PEER' })
})

test('opening the stream and the answer share one bound', async () => {
  const clock = new ManualClock()
  const far = await liar(() => {})
  const near = await identifyNode({ onConnection: false, timeoutMs: 3000 }, clock)
  const connection = await near.dial(far.multiaddrs())
  const slow = seenAs(connection, {
    openStream: async (...parameters) => {
      await clock.advance(2000)
      return connection.openStream(...parameters)
    }
  })
  const failed = expect(near.services.identify.identify(slow)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  await until('it was asked', () => far.inspect().counts.inboundStreams === 1)
  await clock.advance(1000)
  await failed
})
