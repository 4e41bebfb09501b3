import {
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  type DecipherGCM,
  diffieHellman,
  generateKeyPairSync,
  hash,
  hkdfSync,
  type KeyObject
} from 'node:crypto'
import type { NoiseCrypto, Opener, Sealer, StaticKey } from './crypto-interface.ts'
import { isSmall, SmallOpener, SmallSealer } from './small-records.ts'

const cipherName = 'chacha20-poly1305' as const
const tagBytes = 16
const empty = new Uint8Array(0)
const options = { authTagLength: tagBytes } as const

/** A raw X25519 private key behind this is PKCS#8. */
const pkcs8 = Buffer.from('302e020100300506032b656e04220420', 'hex')

function keyPair(privateKey: KeyObject, publicKey: KeyObject): StaticKey {
  const { x } = publicKey.export({ format: 'jwk' })
  return {
    publicKey: new Uint8Array(Buffer.from(x ?? '', 'base64url')),
    agree: (remote) => {
      // A JWK is the fastest import of a raw key that every supported Node knows.
      const key = { kty: 'OKP', crv: 'X25519', x: Buffer.from(remote).toString('base64url') }
      return new Uint8Array(diffieHellman({ privateKey, publicKey: createPublicKey({ key, format: 'jwk' }) }))
    }
  }
}

const seal = (key: KeyObject, nonce: Uint8Array, plain: Uint8Array, associated?: Uint8Array): Uint8Array => {
  const cipher: CipherGCM = createCipheriv(cipherName, key, nonce, options) as CipherGCM
  if (associated !== undefined) cipher.setAAD(associated, { plaintextLength: plain.length })
  const body = cipher.update(plain)
  cipher.final()
  return Buffer.concat([body, cipher.getAuthTag()])
}

class NodeSealer implements Sealer {
  readonly #cipher: CipherGCM

  constructor(key: KeyObject, nonce: Uint8Array) {
    this.#cipher = createCipheriv(cipherName, key, nonce, options) as CipherGCM
  }

  push(plain: Uint8Array): Uint8Array {
    return this.#cipher.update(plain)
  }

  finish(): Uint8Array {
    this.#cipher.final()
    return this.#cipher.getAuthTag()
  }
}

class NodeOpener implements Opener {
  readonly #decipher: DecipherGCM

  constructor(key: KeyObject, nonce: Uint8Array) {
    this.#decipher = createDecipheriv(cipherName, key, nonce, options) as DecipherGCM
  }

  push(sealed: Uint8Array): Uint8Array {
    return this.#decipher.update(sealed)
  }

  finish(tag: Uint8Array): Uint8Array | undefined {
    this.#decipher.setAuthTag(tag)
    this.#decipher.final()
    return undefined
  }
}

/** Noise's primitives from node:crypto. Keys are KeyObjects, made once. */
export const crypto: NoiseCrypto = {
  generateKey() {
    const { privateKey, publicKey } = generateKeyPairSync('x25519')
    return keyPair(privateKey, publicKey)
  },
  importKey(raw) {
    const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8, raw]), format: 'der', type: 'pkcs8' })
    return keyPair(privateKey, createPublicKey(privateKey))
  },
  sha256: (data) => hash('sha256', data, 'buffer'),
  hkdf(chainingKey, input) {
    // Noise's HKDF (section 4.3) is RFC 5869's with the chaining key as salt and no info.
    const both = new Uint8Array(hkdfSync('sha256', input, chainingKey, empty, 64))
    return [both.subarray(0, 32), both.subarray(32)]
  },
  createCipher(raw) {
    const key = createSecretKey(raw)
    const kept = raw.slice()
    return {
      seal: (nonce, plain, associated) => seal(key, nonce, plain, associated),
      open(nonce, sealed, associated) {
        const decipher = createDecipheriv(cipherName, key, nonce, options) as DecipherGCM
        if (associated !== undefined) decipher.setAAD(associated, { plaintextLength: sealed.length - tagBytes })
        const plain = decipher.update(sealed.subarray(0, -tagBytes))
        decipher.setAuthTag(sealed.subarray(-tagBytes))
        decipher.final()
        return plain
      },
      sealer: (nonce, length) => (isSmall(length) ? new SmallSealer(kept, nonce) : new NodeSealer(key, nonce)),
      opener: (nonce, length) => (isSmall(length) ? new SmallOpener(kept, nonce, length) : new NodeOpener(key, nonce))
    }
  }
}
