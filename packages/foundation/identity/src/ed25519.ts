import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { createRequire } from 'node:module'
import { expectLength } from './algorithm.ts'
import type { Algorithm, PrivateParts, Verify } from './algorithm.ts'
import { joinEd25519, parseEd25519, pkcs8Head } from './ed25519-raw.ts'

/** What is used of libsodium, as `sodium-native` has it. */
export interface Sodium {
  crypto_sign_verify_detached(signature: Uint8Array, data: Uint8Array, publicRaw: Uint8Array): boolean
  crypto_sign_detached(signature: Uint8Array, data: Uint8Array, raw: Uint8Array): void
}

const signatureBytes = 64
/** Longer data is a matter of hashing, which OpenSSL does faster: they draw level at 16 KiB signing, at 64 KiB verifying. */
const sodiumUpToBytes = 16 * 1024

let installed: { readonly sodium: Sodium | undefined } | undefined

/** `sodium-native`, if the application has it. Loaded with the first signature, since not every process has one. */
export function installedSodium(): Sodium | undefined {
  installed ??= { sodium: load() }
  return installed.sodium
}

function load(): Sodium | undefined {
  try {
    const require = createRequire(import.meta.url)
    return require('sodium-native') as Sodium
  } catch {
    // Not there, or not for this platform: node:crypto does it all.
    return undefined
  }
}

function publicRawOf(key: KeyObject): Uint8Array {
  const { x } = createPublicKey(key).export({ format: 'jwk' })
  return new Uint8Array(Buffer.from(x as string, 'base64url'))
}

/**
 * Ed25519 by node:crypto, and for short data by libsodium in half the time. Both must give one verdict on every signature:
 * whoever takes what others refuse is blamed by them for passing it on. libsodium takes nothing that node:crypto refuses, but
 * refuses what is of small order, which Node 22 takes and Node 26 does not: what libsodium refuses, node:crypto judges.
 */
export function ed25519With(sodiumOf: () => Sodium | undefined): Algorithm {
  const sodiumFor = (data: Uint8Array): Sodium | undefined => (data.length <= sodiumUpToBytes ? sodiumOf() : undefined)

  function importPublic(raw: Uint8Array): Verify {
    expectLength('Ed25519', 'public key', raw, 32)
    // Made when it is needed: most peer ids that a node hears of never sign anything for it.
    let key: KeyObject | undefined
    return (data, signature) => {
      if (signature.length !== signatureBytes) return false
      if (sodiumFor(data)?.crypto_sign_verify_detached(signature, data, raw) === true) return true
      if (key === undefined) {
        const x = Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString('base64url')
        key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
      }
      return verify(null, data, key, signature)
    }
  }

  function privateParts(key: KeyObject, raw: Uint8Array): PrivateParts {
    // A copy: a public half that is not the seed's would give the seed away.
    const own = raw.slice()
    return {
      raw,
      publicRaw: raw.slice(32),
      sign(data) {
        const sodium = sodiumFor(data)
        if (sodium === undefined) return new Uint8Array(sign(null, data, key))
        const signature = new Uint8Array(signatureBytes)
        sodium.crypto_sign_detached(signature, data, own)
        return signature
      }
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
    const seed = Buffer.from(d as string, 'base64url')
    return privateParts(privateKey, joinEd25519(seed, publicRawOf(privateKey), undefined))
  }

  return { importPublic, importPrivate, generate }
}

export const ed25519: Algorithm = ed25519With(installedSodium)
