import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openPeerRecord, parsePeerId, peerIdFromPublicKey, publicKeyFromProtobuf } from '@peerloom/identity'

interface Foreign {
  readonly source: string
  readonly keyType: string
  readonly peerId: string
  readonly publicKey: string
}
interface ForeignRecord extends Foreign {
  readonly seq: string
  readonly addresses: readonly string[]
  readonly envelope: string
}
interface ForeignSignature extends Foreign {
  readonly signature: string
}

const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))

function load(name: string): unknown {
  const url = new URL(`fixtures/${name}`, import.meta.url)
  if (existsSync(url)) return JSON.parse(readFileSync(url, 'utf8')) as unknown
  console.warn(`SKIPPED: ${name} is missing, captures of other implementations are not checked`)
  return undefined
}

const records = load('foreign-records.json') as { records: readonly ForeignRecord[] } | undefined
const signatures = load('foreign-signatures.json') as
  | { data: string; signatures: readonly ForeignSignature[] }
  | undefined

function keyOf(foreign: Foreign) {
  const key = publicKeyFromProtobuf(fromBase64(foreign.publicKey))
  expect(key.type.toLowerCase()).toBe(foreign.keyType)
  expect(peerIdFromPublicKey(key).toString()).toBe(foreign.peerId)
  expect(parsePeerId(foreign.peerId).equals(peerIdFromPublicKey(key))).toBe(true)
  return key
}

for (const foreign of records?.records ?? []) {
  test(`the ${foreign.keyType} peer record of ${foreign.source} opens`, async () => {
    const record = await openPeerRecord(fromBase64(foreign.envelope))
    expect(record.publicKey.equals(keyOf(foreign))).toBe(true)
    expect(record.peerId.toString()).toBe(foreign.peerId)
    expect(record.seq).toBe(BigInt(foreign.seq))
    expect(record.addresses.map(String)).toEqual(foreign.addresses)
  })
}

for (const foreign of signatures?.signatures ?? []) {
  test(`the ${foreign.keyType} signature of ${foreign.source} is right`, async () => {
    const data = fromBase64(signatures?.data ?? '')
    const signature = fromBase64(foreign.signature)
    expect(await keyOf(foreign).verify(data, signature)).toBe(true)
    expect(await keyOf(foreign).verify(data.subarray(1), signature)).toBe(false)
  })
}

test('captures of other implementations are there or were loudly skipped', () => {
  expect(records === undefined || records.records.length > 0).toBe(true)
  expect(signatures === undefined || signatures.signatures.length > 0).toBe(true)
})
