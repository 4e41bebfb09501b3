// Ed25519 by node:crypto alone, and with libsodium: one verdict on every signature, good, broken or made up by who has the key.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { ed25519 as curve } from '@noble/curves/ed25519.js'
import { expect, test } from 'vitest'
import { ed25519With, installedSodium } from '../src/ed25519.ts'
import { ascii, fromHex, toHex } from './hex.ts'

const engines = { 'node:crypto': ed25519With(() => undefined), 'sodium-native': ed25519With(installedSodium) }
const { Point } = curve
const order = Point.Fn.ORDER
const prime = 2n ** 255n - 19n
const data = ascii('what is signed')

const littleEndian = (value: bigint): Uint8Array => fromHex(value.toString(16).padStart(64, '0')).toReversed()
const toBigInt = (bytes: Uint8Array): bigint => BigInt(`0x${toHex(bytes.toReversed())}`)
const challenge = (r: Uint8Array, key: Uint8Array, message: Uint8Array): bigint =>
  toBigInt(createHash('sha512').update(r).update(key).update(message).digest()) % order

// Fixed, so that a failure comes again.
const secret = 0x1234567890abcdefn
const nonce = 0xfedcba0987654321n
const key = Point.BASE.multiply(secret).toBytes()
const commitment = Point.BASE.multiply(nonce).toBytes()
const identity = Point.ZERO.toBytes()
const torsion = Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', true)
const withTorsion = (point: Uint8Array): Uint8Array => Point.fromBytes(point).add(torsion).toBytes()

/** s = r + h a with the r and the key as they are given, which need not be those of nonce and secret. */
const sealed = (r: Uint8Array, from: Uint8Array, message: Uint8Array, k = nonce, a = secret): Uint8Array =>
  Uint8Array.of(...r, ...littleEndian((k + challenge(r, from, message) * a) % order))
/** A key's torsion does not show in a message whose challenge is a multiple of the cofactor. */
function messageFor(r: Uint8Array, from: Uint8Array, shows: boolean): Uint8Array {
  for (let count = 0; ; count++) {
    const message = Uint8Array.of(count)
    if ((challenge(r, from, message) % 8n !== 0n) === shows) return message
  }
}

interface Case {
  readonly key: Uint8Array
  readonly signature: Uint8Array
  readonly data: Uint8Array
  /** Undefined: Node 22 takes what is of small order, Node 26 refuses it. */
  readonly isGood?: boolean
}
const honest = sealed(commitment, key, data)
const mixed = withTorsion(key)
const unlucky = messageFor(commitment, mixed, true)
const lucky = messageFor(commitment, mixed, false)
const small = torsion.toBytes()
const luckySmall = messageFor(commitment, small, false)
const bare = Uint8Array.of(...commitment, ...littleEndian(nonce))
const longIdentity = littleEndian(prime + 1n)
const cases: Readonly<Record<string, Case>> = {
  'an honest one': { key, signature: honest, data, isGood: true },
  'S + L in place of S': {
    key,
    signature: Uint8Array.of(...commitment, ...littleEndian(toBigInt(honest.subarray(32)) + order)),
    data,
    isGood: false
  },
  'R with torsion': { key, signature: sealed(withTorsion(commitment), key, data), data, isGood: false },
  'R of small order': { key, signature: sealed(identity, key, data, 0n), data },
  'R not canonical': { key, signature: sealed(longIdentity, key, data, 0n), data, isGood: false },
  'a key with torsion': { key: mixed, signature: sealed(commitment, mixed, unlucky), data: unlucky, isGood: false },
  'a key with torsion that does not show': {
    key: mixed,
    signature: sealed(commitment, mixed, lucky),
    data: lucky,
    isGood: true
  },
  'the key of order 1': { key: identity, signature: bare, data },
  'the key of order 1, R and S zero': {
    key: identity,
    signature: Uint8Array.of(...identity, ...new Uint8Array(32)),
    data
  },
  'a key of order 8': { key: small, signature: bare, data },
  'a key of order 8 that does not show': { key: small, signature: bare, data: luckySmall },
  'a key that is not canonical': { key: longIdentity, signature: bare, data },
  'a key that is no point': { key: littleEndian(2n), signature: bare, data, isGood: false }
}

test('sodium-native is there to be tested', () => {
  expect(installedSodium()).toBeDefined()
})

for (const [what, { key: publicRaw, signature, data: message, isGood }] of Object.entries(cases)) {
  test(`one verdict on ${what}`, async () => {
    const [plain, native] = Object.values(engines).map((engine) => engine.importPublic(publicRaw)(message, signature))
    expect(await native).toBe(await plain)
    if (isGood !== undefined) expect(await plain).toBe(isGood)
  })
}

for (const [name, algorithm] of Object.entries(engines)) {
  test(`${name}: a signature with any bit changed, or of another length, is refused`, async () => {
    const verify = algorithm.importPublic(key)
    for (let bit = 0; bit < 512; bit++) {
      const changed = honest.slice()
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(await verify(data, changed), `bit ${bit}`).toBe(false)
    }
    for (const length of [0, 32, 63]) expect(await verify(data, honest.subarray(0, length))).toBe(false)
    expect(await verify(data, Uint8Array.of(...honest, 0))).toBe(false)
  })
}

test('both sign alike, and take what the other has signed, at every length', async () => {
  const [plain, native] = [engines['node:crypto'], engines['sodium-native']]
  const { raw, publicRaw, sign } = await plain.generate({})
  const other = await native.importPrivate(raw)
  for (const length of [0, 1, 100, 16 * 1024, 16 * 1024 + 1, 100_000]) {
    // At an odd place of a larger buffer, as messages come.
    const message = new Uint8Array(length + 3).fill(7).subarray(3)
    const signature = await sign(message)
    expect(await other.sign(message)).toEqual(signature)
    for (const engine of [plain, native]) expect(await engine.importPublic(publicRaw)(message, signature)).toBe(true)
  }
})

test('without sodium-native a key signs and verifies all the same', async () => {
  const script = `
    import { registerHooks } from 'node:module'
    let asked = 0
    registerHooks({
      resolve(name, context, next) {
        if (name !== 'sodium-native') return next(name, context)
        asked++
        throw new Error('not installed')
      }
    })
    const { generateKey } = await import('@peerloom/identity')
    const key = await generateKey()
    const data = new Uint8Array(10)
    const signature = await key.sign(data)
    console.log(key.publicKey.verify(data, signature), key.publicKey.verify(new Uint8Array(11), signature), asked)`
  const options = ['--conditions=@peerloom/source', '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: new URL('..', import.meta.url) })
  expect(stdout.trim()).toBe('true false 1')
})
