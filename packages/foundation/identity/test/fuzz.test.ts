import { fuzzInputs as runs, isLongFuzz as long, fuzzSeed as seed } from '@peerloom/conformance'
import { expect, test } from 'vitest'
import { ProtobufReader } from '@peerloom/bounded'
import {
  openPeerRecord,
  parsePeerId,
  peerIdFromBytes,
  privateKeyFromProtobuf,
  publicKeyFromProtobuf,
  sealPeerRecord
} from '@peerloom/identity'
import { isPeerloomError } from '@peerloom/interface'
import { specKeys } from './fixtures/peer-ids-spec.ts'
import { fromHex } from './hex.ts'

const timeout = Math.max(20_000, runs * 2)

/** mulberry32 */
function generator(state: number): (below: number) => number {
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** Good input with a few bytes changed, cut or doubled; now and then noise. */
function mutate(samples: readonly Uint8Array[], random: (below: number) => number): Uint8Array {
  if (random(10) === 0) return Uint8Array.from({ length: random(1024) }, () => random(256))
  const bytes = [...(samples[random(samples.length)] as Uint8Array)]
  for (let count = 1 + random(4); count > 0; count--) {
    const at = random(bytes.length + 1)
    const kind = random(6)
    if (kind === 0) bytes.length = at
    else if (kind === 1) bytes.splice(at, 0, ...bytes.slice(at, at + random(40)))
    else if (kind === 2) bytes.splice(at, 1 + random(4))
    else if (kind === 3) bytes.splice(at, 0, 0x84, 0xff, 0xff, 0xff, 0xff)
    else bytes[Math.min(at, Math.max(bytes.length - 1, 0))] = random(3) === 0 ? 0xff : random(256)
  }
  return Uint8Array.from(bytes)
}

const publicKeys = Object.values(specKeys).map((key) => fromHex(key.public))
const privateKeys = [specKeys.Ed25519, specKeys.secp256k1, specKeys.ECDSA].map((key) => fromHex(key.private))

async function attempt(samples: readonly Uint8Array[], decode: (bytes: Uint8Array) => unknown): Promise<void> {
  console.info(`seed ${seed}, ${runs} inputs`)
  const random = generator(seed)
  for (let run = 0; run < runs; run++) {
    const bytes = mutate(samples, random)
    // A slow round is tried again: other work on the machine takes its share, a slow input is slow every time.
    let tries = long ? 5 : 1
    let took: number
    do {
      const started = performance.now()
      try {
        await decode(bytes)
      } catch (error) {
        if (!isPeerloomError(error)) throw new Error(`seed ${seed}, input ${run}`, { cause: error })
      }
      took = performance.now() - started
    } while (took > 5 * Math.max(1, bytes.length / 1024) && --tries > 0)
    if (long && tries === 0) throw new Error(`seed ${seed}, input ${run}: ${bytes.length} bytes took ${took} ms`)
  }
}

test('public keys decode or fail with a typed error', { timeout }, async () => {
  await attempt(publicKeys, publicKeyFromProtobuf)
})

test('private keys decode or fail with a typed error', { timeout }, async () => {
  await attempt(privateKeys, privateKeyFromProtobuf)
})

test('a key that decodes encodes to the same bytes', { timeout }, async () => {
  await attempt(publicKeys, (bytes) => {
    const key = publicKeyFromProtobuf(bytes)
    if (!Buffer.from(key.protobuf).equals(bytes)) throw new Error('another form of the same key')
  })
})

test('multihashes and texts of peer ids decode or fail with a typed error', { timeout }, async () => {
  const multihashes = [specKeys.Ed25519, specKeys.secp256k1].map((key) => {
    const bytes = fromHex(key.public)
    return Uint8Array.of(0, bytes.length, ...bytes)
  })
  await attempt([...multihashes, Uint8Array.of(0x12, 32, ...new Uint8Array(32))], peerIdFromBytes)
  const texts = ['QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N', 'bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omz']
  await attempt(
    texts.map((text) => new TextEncoder().encode(text)),
    (bytes) => parsePeerId(String.fromCharCode(...bytes))
  )
})

test('envelopes open or fail with a typed error', { timeout }, async () => {
  const { multiaddr } = await import('@multiformats/multiaddr')
  const addresses = [multiaddr('/ip4/192.0.2.1/tcp/4001'), multiaddr('/dns4/example.com/tcp/443/wss')]
  const sealed = await Promise.all(
    privateKeys.map(async (bytes) => sealPeerRecord(await privateKeyFromProtobuf(bytes), { seq: 1n, addresses }))
  )
  await attempt(sealed, async (bytes) => {
    const record = await openPeerRecord(bytes)
    // Whatever still opens was only changed outside of what is signed: in fields of later versions.
    expect(record.seq).toBe(1n)
    expect(new ProtobufReader(bytes).next()).toBeGreaterThan(0)
  })
})
