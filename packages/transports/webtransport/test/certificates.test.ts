import { parseCertificate } from '@peerloom/certificates'
import { ManualClock } from '@peerloom/conformance'
import { expect, onTestFinished, test } from 'vitest'
import { RollingCertificates } from '../src/certificates.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function rolling(clock: ManualClock) {
  let changes = 0
  const certificates = new RollingCertificates(clock, () => changes++)
  onTestFinished(() => certificates.stop())
  return { certificates, changes: () => changes }
}

test('a certificate is one that browsers take: 14 days at most, P-256, valid now also for clocks that are off', () => {
  const clock = new ManualClock()
  const { certificates } = rolling(clock)
  const { certificate } = certificates.current
  expect(certificate.notAfter - certificate.notBefore).toBeLessThanOrEqual(14 * dayMs)
  expect(certificate.notBefore).toBeLessThanOrEqual(clock.now() - hourMs)
  expect(certificate.privateKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1')
  expect(parseCertificate(certificate.der).extensions).toHaveLength(1)
})

test('the hash of the next certificate is told long before it is used, and the addresses change when it is', async () => {
  const clock = new ManualClock()
  const { certificates, changes } = rolling(clock)
  const [first, second] = certificates.hashes.map(hex)
  expect(first).not.toBe(second)
  await clock.advance(13 * dayMs)
  expect(certificates.hashes.map(hex)).toEqual([first, second])
  expect(changes()).toBe(0)
  await clock.advance(dayMs)
  expect(changes()).toBe(1)
  expect(hex(certificates.current.hash)).toBe(second)
  expect(certificates.hashes.map(hex)).not.toContain(first)
})

test('whenever it is asked in half a year, the current one is valid, and was told two weeks before', async () => {
  const clock = new ManualClock()
  const { certificates } = rolling(clock)
  let told = new Set(certificates.hashes.map(hex))
  for (let day = 0; day < 180; day++) {
    await clock.advance(dayMs)
    const { certificate, hash } = certificates.current
    expect(certificate.notBefore).toBeLessThan(clock.now())
    expect(certificate.notAfter).toBeGreaterThan(clock.now())
    expect(told.has(hex(hash))).toBe(true)
    told = new Set([...told, ...certificates.hashes.map(hex)])
  }
})

test('a stopped one holds no timer', () => {
  const clock = new ManualClock()
  const { certificates } = rolling(clock)
  expect(clock.pending).toBe(1)
  certificates.stop()
  expect(clock.pending).toBe(0)
})
