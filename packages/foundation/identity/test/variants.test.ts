import { expect, test, vi } from 'vitest'
import { publicKeyFromRaw } from '@peerloom/identity'
import type * as node from '@peerloom/identity'
import { ecdsa as ecdsaInNode } from '../src/ecdsa.ts'
import { ecdsa as ecdsaInBrowser } from '../src/ecdsa.browser.ts'
import { ed25519 as ed25519InNode } from '../src/ed25519.ts'
import { ed25519 as ed25519InBrowser } from '../src/ed25519.browser.ts'
import type * as browser from '../src/index.browser.ts'
import { rsa as rsaInNode } from '../src/rsa.ts'
import { rsa as rsaInBrowser } from '../src/rsa.browser.ts'
import { secp256k1 as secp256k1InNode } from '../src/secp256k1.ts'
import { secp256k1 as secp256k1InBrowser } from '../src/secp256k1.browser.ts'
import { ascii, toHex } from './hex.ts'

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false

const pairs = {
  Ed25519: [ed25519InNode, ed25519InBrowser],
  secp256k1: [secp256k1InNode, secp256k1InBrowser],
  RSA: [rsaInNode, rsaInBrowser],
  ECDSA: [ecdsaInNode, ecdsaInBrowser]
} as const

const taken = (variant: typeof secp256k1InNode, raw: Uint8Array): boolean => {
  try {
    variant.importPublic(raw)
    return true
  } catch {
    return false
  }
}

test('both entries export the same', () => {
  const same: Same<typeof node, typeof browser> = true
  expect(same).toBe(true)
})

for (const [type, [inNode, inBrowser]] of Object.entries(pairs)) {
  test(`${type}: what Node makes and signs, browsers take, and the other way round`, async () => {
    const data = ascii('across')
    for (const [here, there] of [
      [inNode, inBrowser],
      [inBrowser, inNode]
    ] as const) {
      const made = await here.generate({})
      const copy = await there.importPrivate(made.raw)
      expect(toHex(copy.raw)).toBe(toHex(made.raw))
      expect(toHex(copy.publicRaw)).toBe(toHex(made.publicRaw))
      expect(await there.importPublic(made.publicRaw)(data, await made.sign(data))).toBe(true)
      expect(await here.importPublic(made.publicRaw)(data, await copy.sign(data))).toBe(true)
    }
  })
}

test('secp256k1: both variants judge the same points and signatures', async () => {
  const { publicRaw, sign } = await secp256k1InNode.generate({})
  const data = ascii('judged')
  const signature = await sign(data)
  const [node, browser] = [secp256k1InNode.importPublic(publicRaw), secp256k1InBrowser.importPublic(publicRaw)]
  for (let bit = 0; bit < signature.length * 8; bit += 3) {
    const tampered = signature.slice()
    tampered[bit >> 3] = (tampered[bit >> 3] as number) ^ (1 << (bit & 7))
    expect(await browser(data, tampered)).toBe(await node(data, tampered))
  }
  for (let x = 1; x < 200; x++) {
    const raw = Uint8Array.of(2 + (x & 1), ...new Uint8Array(31), x)
    expect(taken(secp256k1InBrowser, raw)).toBe(taken(secp256k1InNode, raw))
  }
})

test('Ed25519: a browser without WebCrypto does it in JavaScript', async () => {
  vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) })
  try {
    // The query makes it another module, which has not found WebCrypto yet.
    const path = '../src/ed25519.browser.ts?without-web-crypto'
    const { ed25519 } = (await import(path)) as { ed25519: typeof ed25519InBrowser }
    const made = await ed25519.generate({})
    const data = ascii('without')
    const signature = await made.sign(data)
    expect(await publicKeyFromRaw('Ed25519', made.publicRaw).verify(data, signature)).toBe(true)
    const verify = ed25519.importPublic(made.publicRaw)
    expect([await verify(data, signature), await verify(ascii('other'), signature)]).toEqual([true, false])
    expect(await verify(data, new Uint8Array(64).fill(0xff))).toBe(false)
    expect(await ed25519.importPublic(new Uint8Array(32).fill(0xff))(data, signature)).toBe(false)
    const copy = await ed25519.importPrivate(made.raw)
    expect(toHex(copy.raw)).toBe(toHex(made.raw))
    const foreign = Uint8Array.of(...made.raw.subarray(0, 32), ...new Uint8Array(32))
    await expect(ed25519.importPrivate(foreign)).rejects.toMatchObject({ code: 'ERR_INVALID_KEY' })
  } finally {
    vi.unstubAllGlobals()
  }
})
