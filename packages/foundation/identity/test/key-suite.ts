import { expect, test } from 'vitest'
import {
  generateKey,
  parsePeerId,
  peerIdFromBytes,
  peerIdFromPrivateKey,
  peerIdFromPublicKey,
  privateKeyFromProtobuf,
  privateKeyFromRaw,
  publicKeyFromProtobuf,
  publicKeyFromRaw
} from '@peerloom/identity'
import type { KeyType } from '@peerloom/interface'
import { goKeys, goMessage } from './fixtures/go-libp2p.ts'
import { specKeys, specPeerIds } from './fixtures/peer-ids-spec.ts'
import { ascii, fromHex, toHex } from './hex.ts'

const types = Object.keys(specKeys) as KeyType[]
const data = ascii('what is signed')

/** Behaviour that Node and browsers share. */
export function testKeys(): void {
  for (const type of types) {
    const vector = specKeys[type as keyof typeof specKeys]

    test(`${type}: the private key of the specification gives its public key and its own bytes again`, async () => {
      const key = await privateKeyFromProtobuf(fromHex(vector.private))
      expect(key.type).toBe(type)
      expect(toHex(key.publicKey.protobuf)).toBe(vector.public)
      expect(toHex(key.protobuf)).toBe(vector.private.toLowerCase())
      const publicKey = publicKeyFromProtobuf(fromHex(vector.public))
      expect(publicKey.type).toBe(type)
      expect(publicKey.equals(key.publicKey)).toBe(true)
      expect(await publicKey.verify(data, await key.sign(data))).toBe(true)
    })

    test(`${type}: a new key survives its protobuf and its raw form, and signs`, async () => {
      const key = await generateKey(type)
      for (const copy of [await privateKeyFromProtobuf(key.protobuf), await privateKeyFromRaw(type, key.raw)]) {
        expect(toHex(copy.raw)).toBe(toHex(key.raw))
        expect(copy.publicKey.equals(key.publicKey)).toBe(true)
        const publicKey = publicKeyFromRaw(type, key.publicKey.raw)
        expect(await publicKey.verify(data, await copy.sign(data))).toBe(true)
      }
    })

    test(`${type}: verify gives false for other data, other keys and malformed signatures`, async () => {
      const key = await privateKeyFromProtobuf(fromHex(vector.private))
      const signature = await key.sign(data)
      expect(await key.publicKey.verify(ascii('what is signex'), signature)).toBe(false)
      expect(await (await generateKey(type)).publicKey.verify(data, signature)).toBe(false)
      const longer = Uint8Array.of(...signature, 0)
      const zeros = new Uint8Array(signature.length)
      for (const bytes of [new Uint8Array(0), signature.subarray(1), longer, zeros, new Uint8Array(5000)]) {
        expect(await key.publicKey.verify(data, bytes)).toBe(false)
      }
      for (let index = 0; index < signature.length; index++) {
        const tampered = signature.slice()
        tampered[index] = (tampered[index] as number) ^ (1 << (index % 8))
        expect(await key.publicKey.verify(data, tampered)).toBe(false)
      }
    })

    test(`${type}: the peer id survives its bytes and its texts`, async () => {
      const key = await privateKeyFromProtobuf(fromHex(vector.private))
      const id = peerIdFromPrivateKey(key)
      expect(id.equals(peerIdFromPublicKey(key.publicKey))).toBe(true)
      const inlined = type === 'Ed25519' || type === 'secp256k1'
      for (const copy of [peerIdFromBytes(id.bytes), parsePeerId(id.toString()), parsePeerId(id.toCid())]) {
        expect(copy.equals(id)).toBe(true)
        expect(toHex(copy.bytes)).toBe(toHex(id.bytes))
        expect(copy.toString()).toBe(id.toString())
        expect(copy.toCid()).toBe(id.toCid())
        expect(copy.publicKey?.equals(key.publicKey)).toBe(inlined ? true : undefined)
      }
      expect(id.toString()).toMatch({ Ed25519: /^12D3Koo/, secp256k1: /^16Uiu2H/, RSA: /^Qm/, ECDSA: /^Qm/ }[type])
    })
  }

  for (const [type, vector] of Object.entries(goKeys)) {
    test(`${type}: a signature of go-libp2p is right`, async () => {
      const key = publicKeyFromProtobuf(fromHex(vector.public))
      expect(await key.verify(ascii(goMessage), fromHex(vector.signature))).toBe(true)
      expect(await key.verify(ascii(`${goMessage}!`), fromHex(vector.signature))).toBe(false)
      const privateKey = await privateKeyFromProtobuf(fromHex(vector.private))
      expect(privateKey.publicKey.equals(key)).toBe(true)
    })
  }

  test('peer ids of the specification read the same in both forms', () => {
    expect(parsePeerId(specPeerIds.cid).toString()).toBe(specPeerIds.base58)
    expect(parsePeerId(specPeerIds.base58).toCid()).toBe(specPeerIds.cid)
    expect(parsePeerId(specPeerIds.ed25519).publicKey?.type).toBe('Ed25519')
  })

  test('an Ed25519 private key is taken as a seed, with its public key, and in the old form', async () => {
    const { raw } = await privateKeyFromProtobuf(fromHex(specKeys.Ed25519.private))
    const publicRaw = raw.subarray(32)
    for (const form of [raw.subarray(0, 32), raw, Uint8Array.of(...raw, ...publicRaw)]) {
      expect(toHex((await privateKeyFromRaw('Ed25519', form)).raw)).toBe(toHex(raw))
    }
    const other = (await generateKey('Ed25519')).publicKey.raw
    for (const form of [
      Uint8Array.of(...raw, ...other),
      Uint8Array.of(...raw.subarray(0, 32), ...other),
      raw.subarray(1)
    ]) {
      await expect(privateKeyFromRaw('Ed25519', form)).rejects.toMatchObject({ code: 'ERR_INVALID_KEY' })
    }
  })

  test('an ECDSA private key must belong to the public key beside it, which may be missing', async () => {
    const { raw, publicKey } = await privateKeyFromProtobuf(fromHex(specKeys.ECDSA.private))
    const bare = Uint8Array.of(0x30, 0x31, ...raw.subarray(2, 51))
    const key = await privateKeyFromRaw('ECDSA', bare)
    expect(key.publicKey.equals(publicKey)).toBe(true)
    expect(toHex(key.raw)).toBe(toHex(raw))
    const foreign = raw.slice()
    foreign.set((await generateKey('ECDSA')).publicKey.raw.subarray(-65), raw.length - 65)
    await expect(privateKeyFromRaw('ECDSA', foreign)).rejects.toMatchObject({ code: 'ERR_INVALID_KEY' })
  })

  test('secp256k1 signs in the lower half of s, and verifies both', async () => {
    const n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
    const key = await generateKey('secp256k1')
    for (let round = 0; round < 16; round++) {
      const message = Uint8Array.of(round)
      const signature = await key.sign(message)
      const rLength = signature[3] as number
      const sLength = signature[5 + rLength] as number
      const s = BigInt(`0x${toHex(signature.subarray(6 + rLength))}`)
      expect(sLength).toBe(signature.length - 6 - rLength)
      expect(s <= n / 2n).toBe(true)
      const upper = fromHex((n - s).toString(16).padStart(64, '0'))
      const r = signature.subarray(2, 4 + rLength)
      const high = Uint8Array.of(0x30, r.length + 35, ...r, 2, 33, 0, ...upper)
      expect(await key.publicKey.verify(message, high)).toBe(true)
    }
  })
}
