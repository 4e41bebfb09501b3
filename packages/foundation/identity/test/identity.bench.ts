import { test } from 'vitest'
import {
  generateKey,
  openPeerRecord,
  parsePeerId,
  peerIdFromBytes,
  peerIdFromPublicKey,
  publicKeyFromProtobuf,
  sealPeerRecord
} from '@peerloom/identity'
import type { KeyType } from '@peerloom/interface'

const data = new Uint8Array(100)

for (const type of ['Ed25519', 'secp256k1', 'ECDSA', 'RSA'] as const satisfies readonly KeyType[]) {
  test(type, async ({ bench }) => {
    const key = await generateKey(type)
    const signature = await key.sign(data)
    await bench(`${type} sign`, async () => void (await key.sign(data))).run({ time: 300 })
    await bench(`${type} verify`, async () => void (await key.publicKey.verify(data, signature))).run({ time: 300 })
  })
}

test('peer ids', async ({ bench }) => {
  const { publicKey } = await generateKey()
  const id = peerIdFromPublicKey(publicKey)
  const text = id.toString()
  await bench('known public key from protobuf', () => void publicKeyFromProtobuf(publicKey.protobuf)).run({ time: 300 })
  await bench('peer id from bytes', () => void peerIdFromBytes(id.bytes)).run({ time: 300 })
  await bench('peer id from text', () => void parsePeerId(text)).run({ time: 300 })
  await bench('peer id from bytes, to text', () => void peerIdFromBytes(id.bytes).toString()).run({ time: 300 })
})

test('peer records', async ({ bench }) => {
  const { multiaddr } = await import('@multiformats/multiaddr')
  const addresses = ['/ip4/192.0.2.1/tcp/4001', '/ip6/2001:db8::1/udp/4001/quic-v1'].map((text) => multiaddr(text))
  const envelope = await sealPeerRecord(await generateKey(), { seq: 1n, addresses })
  await bench('open an Ed25519 record of two addresses', async () => void (await openPeerRecord(envelope))).run({
    time: 300
  })
})
