import { multiaddr } from '@multiformats/multiaddr'
import { ProtobufWriter } from '@peerloom/bounded'
import { expect, test } from 'vitest'
import {
  encodePeerRecord,
  generateKey,
  openEnvelope,
  openPeerRecord,
  peerIdFromPrivateKey,
  peerRecordDomain,
  peerRecordPayloadType,
  privateKeyFromProtobuf,
  sealEnvelope,
  sealPeerRecord
} from '@peerloom/identity'
import type { KeyType } from '@peerloom/interface'
import { specKeys } from './fixtures/peer-ids-spec.ts'
import { ascii, fromHex, toHex } from './hex.ts'

const addresses = ['/ip4/192.0.2.1/tcp/4001', '/ip6/2001:db8::1/udp/4001/quic-v1'].map((text) => multiaddr(text))
const specKey = (type: KeyType) => privateKeyFromProtobuf(fromHex(specKeys[type].private))

/** A peer record whose payload is given, well signed. */
const sealPayload = async (payload: Uint8Array): Promise<Uint8Array> =>
  sealEnvelope({
    privateKey: await specKey('Ed25519'),
    domain: peerRecordDomain,
    payloadType: peerRecordPayloadType,
    payload
  })

const rejected = async (opening: Promise<unknown>, code: string): Promise<void> => {
  await expect(opening).rejects.toMatchObject({ code, remote: true })
}

/** Behaviour that Node and browsers share. */
export function testEnvelopes(): void {
  for (const type of Object.keys(specKeys) as KeyType[]) {
    test(`${type}: a peer record opens to what was sealed`, async () => {
      const privateKey = await specKey(type)
      const record = await openPeerRecord(await sealPeerRecord(privateKey, { seq: 2n ** 63n + 1n, addresses }))
      expect(record.seq).toBe(2n ** 63n + 1n)
      expect(record.peerId.equals(peerIdFromPrivateKey(privateKey))).toBe(true)
      expect(record.publicKey.equals(privateKey.publicKey)).toBe(true)
      expect(record.addresses.map(String)).toEqual(addresses.map(String))
    })
  }

  test('an Ed25519 envelope has exactly the bytes of RFC 0002', async () => {
    const privateKey = await specKey('Ed25519')
    const envelope = await sealEnvelope({ privateKey, domain: 'd', payloadType: ascii('t'), payload: ascii('pp') })
    const signature = await privateKey.sign(ascii('\u0001d\u0001t\u0002pp'))
    expect(toHex(envelope)).toBe(`0a24${specKeys.Ed25519.public}1201741a0270702a40${toHex(signature)}`)
  })

  test('an envelope opens only for its domain, its payload type and its length bound', async () => {
    const privateKey = await specKey('Ed25519')
    const envelope = await sealEnvelope({
      privateKey,
      domain: 'd',
      payloadType: ascii('t'),
      payload: new Uint8Array(0)
    })
    expect(await openEnvelope(envelope, 'd')).toMatchObject({ payloadType: ascii('t'), payload: new Uint8Array(0) })
    await rejected(openEnvelope(envelope, 'e'), 'ERR_INVALID_SIGNATURE')
    await rejected(openEnvelope(envelope, 'd', ascii('u')), 'ERR_INVALID_RECORD')
    await rejected(openEnvelope(envelope, 'd', ascii('t'), { maxBytes: 50 }), 'ERR_INVALID_RECORD')
    await rejected(openEnvelope(new Uint8Array(65_537), 'd'), 'ERR_INVALID_RECORD')
    const seal = { privateKey, domain: '', payloadType: ascii('t'), payload: envelope }
    await expect(sealEnvelope(seal)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  })

  test('an envelope with any bit changed does not open', async () => {
    const envelope = await sealPeerRecord(await specKey('Ed25519'), { seq: 7n, addresses })
    for (let bit = 0; bit < envelope.length * 8; bit++) {
      const tampered = envelope.slice()
      tampered[bit >> 3] = (tampered[bit >> 3] as number) ^ (1 << (bit & 7))
      const error = await openPeerRecord(tampered).then(
        () => new Error(`bit ${bit} does not matter`),
        (reason: unknown) => reason
      )
      expect(error).toMatchObject({ name: 'PeerloomError', remote: true })
    }
  })

  test('fields that are missing or doubled are refused, those of later versions are skipped', async () => {
    const envelope = await sealPeerRecord(await specKey('Ed25519'), { seq: 7n, addresses: [] })
    const later = new ProtobufWriter().uint64(4, 1).string(9, 'later').finish()
    expect((await openPeerRecord(Uint8Array.of(...envelope, ...later))).seq).toBe(7n)
    const doubled = Uint8Array.of(...envelope, ...new ProtobufWriter().bytes(3, Uint8Array.of(1)).finish())
    for (const bytes of [doubled, envelope.subarray(0, 38), new Uint8Array(0)]) {
      await expect(openPeerRecord(bytes)).rejects.toMatchObject({ code: 'ERR_INVALID_RECORD', remote: true })
    }
  })

  test('a peer record of another peer is refused, however well it is signed', async () => {
    const other = peerIdFromPrivateKey(await generateKey('Ed25519'))
    for (const payload of [encodePeerRecord({ peerId: other, seq: 1n, addresses }), new Uint8Array(0)]) {
      await expect(openPeerRecord(await sealPayload(payload))).rejects.toMatchObject({ code: 'ERR_INVALID_RECORD' })
    }
  })

  test('addresses that do not parse are left out, too many are refused', async () => {
    const id = peerIdFromPrivateKey(await specKey('Ed25519')).bytes
    const record = (all: readonly Uint8Array[]): Promise<Uint8Array> => {
      const writer = new ProtobufWriter().bytes(1, id).uint64(2, 1)
      for (const bytes of all) writer.bytes(3, new ProtobufWriter().bytes(1, bytes).finish())
      return sealPayload(writer.finish())
    }
    const good = (addresses[0] as (typeof addresses)[0]).bytes
    const long = Uint8Array.of(0xa5, 0x03, 0xd8, 0x04, ...new Uint8Array(600))
    const bad = [new Uint8Array(0), Uint8Array.of(4, 1), Uint8Array.of(0xff, 0xff, 0x7f, 1), long]
    expect((await openPeerRecord(await record([...bad, good, ...bad]))).addresses.map(String)).toEqual([
      '/ip4/192.0.2.1/tcp/4001'
    ])
    const many = await record(Array.from({ length: 1001 }, () => good))
    await expect(openPeerRecord(many)).rejects.toMatchObject({ code: 'ERR_INVALID_RECORD' })
    await expect(openPeerRecord(many, { maxBytes: 65_536 })).rejects.toThrow('1001 addresses')
    const most = await record(Array.from({ length: 1000 }, () => good))
    expect((await openPeerRecord(most, { maxBytes: 65_536 })).addresses).toHaveLength(1000)
  })
}
