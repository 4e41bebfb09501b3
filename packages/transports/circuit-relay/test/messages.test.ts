import { hopCodec, type HopMessage, openVoucher, sealVoucher, stopCodec } from '@peerloom/circuit-relay'
import { seededRandom } from '@peerloom/conformance'
import { generateKey, peerIdFromPrivateKey, sealEnvelope } from '@peerloom/identity'
import { isPeerloomError } from '@peerloom/interface'
import { expect, test } from 'vitest'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

test('messages have the bytes of the specification', () => {
  expect(hex(hopCodec.encode({ type: 'RESERVE' }))).toBe('0800')
  expect(hex(hopCodec.encode({ type: 'CONNECT', peer: bytes('aabb') }))).toBe('080112040a02aabb')
  expect(hex(hopCodec.encode({ type: 'STATUS', status: 204 }))).toBe('080228cc01')
  expect(hex(stopCodec.encode({ type: 'STATUS', status: 100 }))).toBe('08012064')
  const limit = { durationSeconds: 120, bytes: 131_072n }
  expect(hex(hopCodec.encode({ type: 'STATUS', limit, status: 100 }))).toBe('0802220608781080800828' + '64')
  expect(hex(stopCodec.encode({ type: 'CONNECT', peer: bytes('aabb'), limit }))).toBe(
    '080012040a02aabb1a06087810808008'
  )
})

test('what is written is read', () => {
  const messages: HopMessage[] = [
    { type: 'RESERVE' },
    { type: 'CONNECT', peer: bytes('0102') },
    {
      type: 'STATUS',
      status: 100,
      reservation: { expire: 1_700_000_000n, addresses: [bytes('047f000001')], voucher: bytes('0a0b') },
      limit: { durationSeconds: 0xffff_ffff, bytes: 2n ** 64n - 1n }
    }
  ]
  for (const message of messages) expect(hopCodec.decode(hopCodec.encode(message))).toEqual(message)
  const stop = { type: 'STATUS', status: 203 } as const
  expect(stopCodec.decode(stopCodec.encode(stop))).toEqual(stop)
})

test('fields that came after this version are left out, and a type that is not written is the first', () => {
  expect(hopCodec.decode(bytes('080228cc01' + '7203010203'))).toEqual({ type: 'STATUS', status: 204 })
  expect(hopCodec.decode(new Uint8Array(0))).toEqual({ type: 'RESERVE' })
  expect(() => hopCodec.decode(bytes('0803'))).toThrow(expect.objectContaining({ code: 'ERR_DECODE', remote: true }))
  expect(() => stopCodec.decode(bytes('0802'))).toThrow(expect.objectContaining({ code: 'ERR_DECODE' }))
})

test('of the addresses of a relay no more than 32 are kept, and none over 512 bytes', () => {
  const addresses = [new Uint8Array(513), ...Array.from({ length: 100 }, (_, at) => Uint8Array.of(at))]
  const reservation = { expire: 1n, addresses }
  const decoded = hopCodec.decode(hopCodec.encode({ type: 'STATUS', reservation }))
  expect(decoded.reservation?.addresses).toHaveLength(32)
  expect(decoded.reservation?.addresses[0]).toEqual(Uint8Array.of(0))
})

test('4 KiB of anything decode or are refused, with the one code', () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  const random = seededRandom(seed)
  const sample = hopCodec.encode({
    type: 'STATUS',
    status: 100,
    reservation: { expire: 1n, addresses: [bytes('047f000001')], voucher: new Uint8Array(100) },
    limit: { durationSeconds: 1, bytes: 2n }
  })
  for (let round = 0; round < 20_000; round++) {
    const message =
      random(2) === 0
        ? new Uint8Array(random(64)).map(() => random(256))
        : sample.map((byte) => (random(20) === 0 ? random(256) : byte))
    for (const codec of [hopCodec, stopCodec]) {
      try {
        codec.decode(message)
      } catch (error) {
        if (!isPeerloomError(error, 'ERR_DECODE')) throw new Error(`seed ${seed}, ${hex(message)}`, { cause: error })
      }
    }
  }
})

test('messages inside messages end at a bound', () => {
  let nested: Uint8Array = Uint8Array.of(8, 1)
  for (let depth = 0; depth < 500; depth++) {
    nested = Uint8Array.of(18, 0x80 | (nested.length & 127), nested.length >> 7, ...nested)
    if (nested.length > 4000) break
  }
  expect(() => hopCodec.decode(nested)).not.toThrow(RangeError)
  const many = new Uint8Array(4096).fill(0).map((_, at) => (at % 2 === 0 ? 8 : 0))
  expect(() => hopCodec.decode(many)).toThrow(expect.objectContaining({ code: 'ERR_DECODE' }))
})

test('a voucher says who serves whom until when, and is worth its signature', async () => {
  const relayKey = await generateKey()
  const relay = peerIdFromPrivateKey(relayKey)
  const peer = peerIdFromPrivateKey(await generateKey())
  const sealed = await sealVoucher(relayKey, { relay, peer, expiration: 1_700_000_000n })
  const opened = await openVoucher(sealed)
  expect([opened.relay.toString(), opened.peer.toString(), opened.expiration]).toEqual([
    relay.toString(),
    peer.toString(),
    1_700_000_000n
  ])
  const forged = sealed.slice()
  forged[forged.length - 1] = (forged.at(-1) as number) ^ 1
  await expect(openVoucher(forged)).rejects.toMatchObject({ code: 'ERR_INVALID_SIGNATURE' })
  await expect(openVoucher(new Uint8Array(5000))).rejects.toMatchObject({ code: 'ERR_INVALID_RECORD' })
})

test('a voucher that another peer signed, or that is no voucher, is refused', async () => {
  const [one, two] = [await generateKey(), await generateKey()]
  const relay = peerIdFromPrivateKey(one)
  const foreign = await sealVoucher(two, { relay, peer: peerIdFromPrivateKey(two), expiration: 1n })
  await expect(openVoucher(foreign)).rejects.toMatchObject({ code: 'ERR_INVALID_RECORD', remote: true })
  const envelope = { privateKey: one, domain: 'libp2p-relay-rsvp', payload: Uint8Array.of(1, 2, 3) }
  const empty = await sealEnvelope({ ...envelope, payloadType: Uint8Array.of(3, 2) })
  await expect(openVoucher(empty)).rejects.toMatchObject({ code: 'ERR_INVALID_RECORD' })
  const record = await sealEnvelope({ ...envelope, payloadType: Uint8Array.of(3, 1) })
  await expect(openVoucher(record)).rejects.toMatchObject({ code: 'ERR_INVALID_RECORD' })
  const domain = await sealEnvelope({ ...envelope, domain: 'libp2p-peer-record', payloadType: Uint8Array.of(3, 2) })
  await expect(openVoucher(domain)).rejects.toMatchObject({ code: 'ERR_INVALID_SIGNATURE' })
})
