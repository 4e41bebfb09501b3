import { parseCertificate, verifyPeerCertificate } from '@peerloom/certificates'
import { peerIdFromPublicKey } from '@peerloom/identity'
import { expect, test } from 'vitest'
import fixtures from './fixtures/tls-certificates.json' with { type: 'json' }

const now = Date.UTC(2026, 0, 1)
const good = fixtures.vectors.filter(({ peerId }) => peerId !== null)
const bad = fixtures.vectors.filter(({ peerId }) => peerId === null)

test.each(good)('$name', async ({ certificate, peerId }) => {
  const bytes = Buffer.from(certificate, 'hex')
  const { publicKey, notBefore, notAfter } = await verifyPeerCertificate(bytes, now)
  expect(peerIdFromPublicKey(publicKey).toString()).toBe(peerId)
  expect([notBefore, notAfter]).toEqual([Date.UTC(1975, 0, 1, 13), Date.UTC(4096, 0, 1, 13)])
})

test.each(bad)('$name', async ({ certificate }) => {
  const bytes = Buffer.from(certificate, 'hex')
  expect(parseCertificate(bytes).extensions).toHaveLength(1)
  await expect(verifyPeerCertificate(bytes, now)).rejects.toMatchObject({ code: 'ERR_SECURITY', remote: true })
})

test('there are three good ones and a bad one', () => {
  expect([good.length, bad.length]).toEqual([3, 1])
})
