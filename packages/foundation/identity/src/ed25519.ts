import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { expectLength } from './algorithm.ts'
import type { Algorithm, PrivateParts, Verify } from './algorithm.ts'
import { joinEd25519, parseEd25519, pkcs8Head } from './ed25519-raw.ts'

function publicRawOf(key: KeyObject): Uint8Array {
  const { x } = createPublicKey(key).export({ format: 'jwk' })
  return new Uint8Array(Buffer.from(x as string, 'base64url'))
}

function privateParts(key: KeyObject, raw: Uint8Array): PrivateParts {
  return { raw, publicRaw: raw.slice(32), sign: (data) => new Uint8Array(sign(null, data, key)) }
}

function importPublic(raw: Uint8Array): Verify {
  expectLength('Ed25519', 'public key', raw, 32)
  // Made at the first verification: most peer ids that a node hears of never sign anything for it.
  let key: KeyObject | undefined
  return (data, signature) => {
    if (signature.length !== 64) return false
    if (key === undefined) {
      const x = Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString('base64url')
      key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    }
    return verify(null, data, key, signature)
  }
}

async function importPrivate(raw: Uint8Array): Promise<PrivateParts> {
  const { seed, publicRaw } = parseEd25519(raw)
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: 'der', type: 'pkcs8' })
  return privateParts(key, joinEd25519(seed, publicRawOf(key), publicRaw))
}

async function generate(): Promise<PrivateParts> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { d } = privateKey.export({ format: 'jwk' })
  return privateParts(
    privateKey,
    joinEd25519(Buffer.from(d as string, 'base64url'), publicRawOf(privateKey), undefined)
  )
}

export const ed25519: Algorithm = { importPublic, importPrivate, generate }
