import { verifyPeerCertificate } from '@peerloom/certificates'
import {
  der,
  extension,
  type Forgery,
  forgeCertificate,
  type SignatureScheme
} from '@peerloom/conformance/certificates'
import { generateKey } from '@peerloom/identity'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { expect, test } from 'vitest'

const now = Date.UTC(2026, 5, 1)
const times = { notBefore: now - 1000, notAfter: now + 1000 }
const identity = await generateKey()
const refusal = expect.objectContaining({ code: 'ERR_SECURITY', remote: true })

async function verify(forgery: Forgery, at: number = now): Promise<unknown> {
  const certificate = await forgeCertificate({ identity, ...times, ...forgery })
  return verifyPeerCertificate(certificate.der, at)
}

const ec = (namedCurve: string, paramEncoding: 'named' | 'explicit' = 'named'): KeyObject =>
  generateKeyPairSync('ec', { namedCurve, paramEncoding }).privateKey
const rsa = (modulusLength: number, publicExponent = 65_537): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey
const rsa2048 = rsa(2048)

const accepted: [SignatureScheme, string, KeyObject][] = [
  ['ecdsa-sha256', 'P-256', ec('prime256v1')],
  ['ecdsa-sha384', 'P-384', ec('secp384r1')],
  ['ecdsa-sha512', 'P-521', ec('secp521r1')],
  ['ecdsa-sha384', 'P-256', ec('prime256v1')],
  ['ed25519', 'Ed25519', generateKeyPairSync('ed25519').privateKey],
  ['ed448', 'Ed448', generateKeyPairSync('ed448').privateKey],
  ['rsa-sha256', 'RSA', rsa2048],
  ['rsa-sha384', 'RSA', rsa2048],
  ['rsa-sha512', 'RSA', rsa2048],
  ['rsa-pss-sha256', 'RSA', rsa2048],
  ['rsa-pss-sha384', 'RSA', rsa2048],
  ['rsa-pss-sha512', 'RSA', rsa2048],
  ['rsa-pss-sha256', 'RSA-PSS', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey]
]

test.each(accepted)('%s with a key of %s is taken', async (scheme, _name, privateKey) => {
  await expect(verify({ scheme, privateKey })).resolves.toMatchObject({ publicKey: { type: 'Ed25519' } })
})

const refused: [SignatureScheme, string, KeyObject][] = [
  ['ecdsa-sha1', 'P-256', ec('prime256v1')],
  ['rsa-sha1', 'RSA', rsa2048],
  ['rsa-pss-sha1', 'RSA', rsa2048],
  ['ecdsa-sha256', 'secp256k1', ec('secp256k1')],
  ['ecdsa-sha256', 'P-256 with its numbers written out', ec('prime256v1', 'explicit')],
  ['rsa-sha256', 'RSA of 1024 bits', rsa(1024)]
]

test.each(refused)('%s with a key of %s is refused', async (scheme, _name, privateKey) => {
  await expect(verify({ scheme, privateKey })).rejects.toEqual(refusal)
})

test('a certificate counts from its first second through its last', async () => {
  for (const at of [times.notBefore, times.notAfter, times.notAfter + 999]) await verify({}, at)
  for (const at of [times.notBefore - 1, times.notAfter + 1000, 0, Number.MAX_SAFE_INTEGER]) {
    await expect(verify({}, at)).rejects.toEqual(refusal)
  }
})

test('a certificate that another key signed is refused', async () => {
  await expect(verify({ signer: ec('prime256v1') })).rejects.toEqual(refusal)
})

test('a certificate without the extension is refused', async () => {
  await expect(verify({ identity: undefined })).rejects.toEqual(refusal)
})

test('the extension may be critical; another critical one may not, unless it is known', async () => {
  await verify({ critical: true })
  await verify({ extensions: [extension('2a0304', false, Buffer.of(1))] })
  await expect(verify({ extensions: [extension('2a0304', true, Buffer.of(1))] })).rejects.toEqual(refusal)
  await verify({ extensions: [extension('551d13', true, der(0x30))] })
  const usage = (bits: number): Uint8Array => extension('551d0f', true, der(0x03, Buffer.of(0, bits)))
  await verify({ extensions: [usage(0x80)] })
  await expect(verify({ extensions: [usage(0x04)] })).rejects.toEqual(refusal)
  await expect(verify({ extensions: [extension('551d0f', true, der(0x30))] })).rejects.toEqual(refusal)
})

test('an extension that comes twice is refused', async () => {
  const twice = extension('2a0304', false, Buffer.of(1))
  await expect(verify({ extensions: [twice, twice] })).rejects.toEqual(refusal)
})

test('unique ids of subject and issuer are refused', async () => {
  for (const tag of [0x81, 0x82]) {
    await expect(verify({ uniqueIds: der(tag, Buffer.of(0, 1)) })).rejects.toEqual(refusal)
  }
})

test('an identity that signed something else, or not at all, is refused', async () => {
  const other = await generateKey()
  const forgeries: Forgery[] = [
    { signedData: (data) => data.subarray('libp2p-tls-handshake:'.length) },
    { signedData: (data) => data.with(-1, (data.at(-1) as number) ^ 1) },
    { identitySignature: (signature) => signature.with(0, (signature[0] as number) ^ 1) },
    { identitySignature: () => new Uint8Array(0) },
    { identityKey: other.publicKey.protobuf },
    { identityKey: new Uint8Array(0) },
    { identityKey: Uint8Array.of(8, 1, 18, 31) }
  ]
  for (const forgery of forgeries) await expect(verify(forgery)).rejects.toEqual(refusal)
})

test('a signature of one certificate’s key proves nothing in another', async () => {
  let captured = new Uint8Array(0)
  await verify({ identitySignature: (signature) => (captured = new Uint8Array(signature)) })
  await expect(verify({ identitySignature: () => captured })).rejects.toEqual(refusal)
})
