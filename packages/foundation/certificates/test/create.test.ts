import {
  certificateHash,
  createCertificate,
  createPeerCertificate,
  generateCertificateKey,
  isSelfSigned,
  parseCertificate,
  peerExtensionId,
  publicKeyOf,
  verifyPeerCertificate
} from '@peerloom/certificates'
import { generateKey } from '@peerloom/identity'
import { createHash, createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { expect, test } from 'vitest'

const [notBefore, notAfter] = [Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1)]

test.each(['Ed25519', 'secp256k1', 'ECDSA', 'RSA'] as const)(
  'a certificate proves an identity of type %s',
  async (type) => {
    const identity = await generateKey(type)
    const certificate = await createPeerCertificate(identity, { notBefore, notAfter })
    const proved = await verifyPeerCertificate(certificate.der, notBefore)
    expect(proved.publicKey.equals(identity.publicKey)).toBe(true)
    expect([proved.notBefore, proved.notAfter]).toEqual([notBefore, notAfter])
  }
)

test('OpenSSL reads what is made, and finds it signed', () => {
  for (const commonName of [undefined, 'a name: ü']) {
    const made = createCertificate({ notBefore, notAfter, ...(commonName === undefined ? {} : { commonName }) })
    const read = new X509Certificate(made.der)
    expect(read.verify(read.publicKey)).toBe(true)
    expect(read.subject).toBe(read.issuer)
    expect(new X509Certificate(made.pem).fingerprint256).toBe(read.fingerprint256)
    expect([Date.parse(read.validFrom), Date.parse(read.validTo)]).toEqual([notBefore, notAfter])
    if (commonName !== undefined) expect(read.subject).toContain('CN=')
    createSecureContext({ cert: made.pem, key: made.privateKeyPem })
    expect(createPrivateKey(made.privateKeyPem).equals(made.privateKey)).toBe(true)
  }
})

test.each([
  [1950, 1951],
  [2049, 2050],
  [2050, 9999],
  [1949, 1950]
])('years %s to %s come back as they went in', (from, to) => {
  const times = { notBefore: Date.UTC(from, 1, 28, 23, 59, 59), notAfter: Date.UTC(to, 11, 31) }
  expect(parseCertificate(createCertificate(times).der)).toMatchObject(times)
})

test('fractions of a second are cut, and times that no certificate can tell are refused', () => {
  expect(createCertificate({ notBefore: notBefore + 999, notAfter }).notBefore).toBe(notBefore)
  for (const wrong of [Number.NaN, Infinity, 1e15]) {
    expect(() => createCertificate({ notBefore, notAfter: wrong })).toThrow()
  }
})

test('a key that is given is used, of P-256 only', () => {
  const privateKey = generateCertificateKey()
  const certificate = parseCertificate(createCertificate({ notBefore, notAfter, privateKey }).der)
  expect(Buffer.from(certificate.publicKey).equals(publicKeyOf(privateKey))).toBe(true)
  expect(isSelfSigned(certificate)).toBe(true)
  const other = generateKeyPairSync('ed25519').privateKey
  expect(() => createCertificate({ notBefore, notAfter, privateKey: other })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' })
  )
})

test('serial numbers and keys are never the same twice', () => {
  const made = [1, 2].map(() => new X509Certificate(createCertificate({ notBefore, notAfter }).der))
  expect(made[0]?.serialNumber).not.toBe(made[1]?.serialNumber)
  expect(made[0]?.publicKey.equals(made[1]?.publicKey as never)).toBe(false)
})

test('extensions come back as they went in', async () => {
  const extensions = [
    { objectId: '1.2.3', critical: true, value: Uint8Array.of(1) },
    { objectId: '2.5.29.17', critical: false, value: new Uint8Array(300) },
    { objectId: '2.999.4294967296', critical: false, value: new Uint8Array(0) }
  ]
  const read = parseCertificate(createCertificate({ notBefore, notAfter, extensions }).der)
  expect(read.extensions.map((one) => ({ ...one, value: new Uint8Array(one.value) }))).toEqual(extensions)
  const peer = await createPeerCertificate(await generateKey(), { notBefore, notAfter })
  expect(parseCertificate(peer.der).extensions).toMatchObject([{ objectId: peerExtensionId, critical: false }])
})

test('the hash of a certificate is a multihash of SHA-256', () => {
  const { der } = createCertificate({ notBefore, notAfter })
  const digest = createHash('sha256').update(der).digest()
  expect(Buffer.from(certificateHash(der)).toString('hex')).toBe(`1220${digest.toString('hex')}`)
})
