import {
  createPeerCertificate,
  maxCertificateBytes,
  parseCertificate,
  verifyPeerCertificate
} from '@peerloom/certificates'
import { seededRandom } from '@peerloom/conformance'
import { extension, forgeCertificate } from '@peerloom/conformance/certificates'
import { generateKey } from '@peerloom/identity'
import { isPeerloomError } from '@peerloom/interface'
import { expect, test } from 'vitest'

const now = Date.UTC(2026, 5, 1)
const identity = await generateKey()
const { der: genuine } = await createPeerCertificate(identity, { notBefore: now - 1000, notAfter: now + 1e9 })

const parses = (bytes: Uint8Array): boolean => {
  try {
    parseCertificate(bytes)
    return true
  } catch (error) {
    expect(isPeerloomError(error, 'ERR_DECODE')).toBe(true)
    return false
  }
}

test('every shorter and every longer certificate is refused', () => {
  for (let length = 0; length < genuine.length; length++) expect(parses(genuine.subarray(0, length))).toBe(false)
  expect(parses(Buffer.concat([genuine, Buffer.of(0)]))).toBe(false)
})

test('no bit of a certificate can be changed', async () => {
  for (let bit = 0; bit < genuine.length * 8; bit += 3) {
    const changed = genuine.slice()
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
    const result = await verifyPeerCertificate(changed, now).catch((error: unknown) => error)
    expect(result, `bit ${bit}`).toMatchObject({ code: 'ERR_SECURITY' })
  }
})

test.each([
  ['a length of 2^32 - 1', Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff)],
  ['a length of 2^24 - 1', Uint8Array.of(0x30, 0x83, 0xff, 0xff, 0xff)],
  ['a length of 127 bytes', Uint8Array.of(0x30, 0xff, ...new Uint8Array(127).fill(0xff))],
  ['an indefinite length', Uint8Array.of(0x30, 0x80, 0, 0)],
  ['a length that is not minimal', Uint8Array.of(0x30, 0x81, 0x01, 0)],
  ['nothing', new Uint8Array(0)]
])('%s is refused', (_name, bytes) => {
  expect(parses(bytes)).toBe(false)
})

test('a huge length anywhere inside is refused', async () => {
  for (const huge of [Buffer.of(0x83, 0xff, 0xff, 0xff), Buffer.of(0x84, 0x7f, 0xff, 0xff, 0xff)]) {
    for (let at = 1; at < genuine.length; at++) {
      const changed = Buffer.concat([genuine.subarray(0, at), huge, genuine.subarray(at + huge.length)])
      await expect(verifyPeerCertificate(changed, now)).rejects.toMatchObject({ code: 'ERR_SECURITY' })
    }
  }
})

test('more than anybody needs is not looked at', () => {
  expect(parses(new Uint8Array(maxCertificateBytes + 1).fill(0x30))).toBe(false)
})

test.each(['991301000000Z', '260229000000Z', '260101240000Z', '260101006000Z', '2601010000Z', '260101000000+0100', ''])(
  'the time %j is refused',
  (text) => {
    const at = Buffer.from(genuine).indexOf(Buffer.of(0x17, 13))
    const time = Buffer.from(text.padEnd(13, ' ').slice(0, 13))
    expect(parses(Buffer.concat([genuine.subarray(0, at + 2), time, genuine.subarray(at + 15)]))).toBe(false)
  }
)

test('random changes fail typed', async () => {
  const seed = 20_260_601
  const random = seededRandom(seed)
  for (let round = 0; round < 5000; round++) {
    const changed = genuine.slice()
    for (let changes = 1 + random(8); changes > 0; changes--) changed[random(changed.length)] = random(256)
    const result = await verifyPeerCertificate(changed, now).catch((error: unknown) => error)
    if (!isPeerloomError(result)) expect(result, `seed ${seed}, round ${round}`).toHaveProperty('publicKey')
  }
})

test('as many extensions as fit are read, each once', async () => {
  const extensions = Array.from({ length: 900 }, (_, at) =>
    extension(`2a${(0x80 | (at >> 7)).toString(16)}${(at & 0x7f).toString(16).padStart(2, '0')}`, false, Buffer.of(1))
  )
  const { der } = await forgeCertificate({ identity, extensions: extensions.slice(128) })
  expect(der.length).toBeLessThan(maxCertificateBytes)
  expect(parseCertificate(der).extensions).toHaveLength(773)
})
