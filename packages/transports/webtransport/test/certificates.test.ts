import { parseCertificate } from '@peerloom/certificates'
import { ManualClock } from '@peerloom/conformance'
import type { Datastore, Key } from 'interface-datastore'
import { expect, onTestFinished, test } from 'vitest'
import { RollingCertificates } from '../src/certificates.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const log = Object.assign(() => {}, { enabled: false, debug() {}, error() {} })

async function rolling(clock: ManualClock, storage?: Datastore) {
  let changes = 0
  const certificates = new RollingCertificates({ clock, storage }, log)
  const release = await certificates.use(() => changes++)
  onTestFinished(release)
  return { certificates, changes: () => changes, release }
}

/** As much of a datastore as certificates need. */
function memoryStore(): Datastore & { readonly values: Map<string, Uint8Array> } {
  const values = new Map<string, Uint8Array>()
  return {
    values,
    has: (key: Key) => values.has(key.toString()),
    get: (key: Key) => values.get(key.toString()) as Uint8Array,
    put: (key: Key, value: Uint8Array) => {
      values.set(key.toString(), value)
      return key
    }
  } as unknown as Datastore & { readonly values: Map<string, Uint8Array> }
}

test('a certificate is one that browsers take: 14 days at most, P-256, valid now also for clocks that are off', async () => {
  const clock = new ManualClock()
  const { certificates } = await rolling(clock)
  const { certificate } = certificates.current
  expect(certificate.notAfter - certificate.notBefore).toBeLessThanOrEqual(14 * dayMs)
  expect(certificate.notBefore).toBeLessThanOrEqual(clock.now() - hourMs)
  expect(certificate.privateKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1')
  expect(parseCertificate(certificate.der).extensions).toHaveLength(1)
})

test('the hash of the next certificate is told long before it is used, and the addresses change when it is', async () => {
  const clock = new ManualClock()
  const { certificates, changes } = await rolling(clock)
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
  const { certificates } = await rolling(clock)
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

test('they hold no timer once nobody uses them, and one however many do', async () => {
  const clock = new ManualClock()
  const { certificates, release } = await rolling(clock)
  const other = await certificates.use(() => {})
  expect(clock.pending).toBe(1)
  release()
  expect(clock.pending).toBe(1)
  other()
  expect(clock.pending).toBe(0)
})

test('a restart goes on with what the datastore has, also behind a change of certificates', async () => {
  const clock = new ManualClock()
  const storage = memoryStore()
  const first = await rolling(clock, storage)
  const hashes = first.certificates.hashes.map(hex)
  const again = await rolling(clock, storage)
  expect(again.certificates.hashes.map(hex)).toEqual(hashes)
  expect(again.certificates.current.certificate.pem).toBe(first.certificates.current.certificate.pem)
  first.release()
  again.release()
  await clock.advance(14 * dayMs)
  const later = await rolling(clock, storage)
  expect(hex(later.certificates.current.hash)).toBe(hashes[1])
  expect((await rolling(clock, storage)).certificates.hashes.map(hex)).toEqual(later.certificates.hashes.map(hex))
})

test('after a long stop, and for a datastore with something else in it, there are new ones', async () => {
  const clock = new ManualClock()
  const storage = memoryStore()
  const first = await rolling(clock, storage)
  const before = first.certificates.hashes.map(hex)
  first.release()
  await clock.advance(60 * dayMs)
  const second = await rolling(clock, storage)
  expect(second.certificates.current.certificate.notAfter).toBeGreaterThan(clock.now())
  expect(before).not.toContain(hex(second.certificates.current.hash))
  for (const [key] of storage.values) storage.values.set(key, new TextEncoder().encode('[{"certificatePem":"no"}]'))
  const third = await rolling(clock, storage)
  expect(third.certificates.hashes).toHaveLength(2)
  expect(third.certificates.hashes.map(hex)).not.toEqual(second.certificates.hashes.map(hex))
})
