import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { NoiseCrypto, Opener, StaticKey } from './crypto-interface.ts'

/** Loaded only where WebCrypto has no X25519: in old browsers, and on pages that are not served over https. */
const loadCurve = async () => (await import('@noble/curves/ed25519.js')).x25519

async function importSecret(secret: Uint8Array): Promise<StaticKey> {
  const curve = await loadCurve()
  return { publicKey: curve.getPublicKey(secret), agree: (remote) => curve.getSharedSecret(secret, remote) }
}

/** Bytes in a buffer of their own, as WebCrypto's types ask for. */
const owned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes)

async function generateKey(): Promise<StaticKey> {
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle
  let pair: CryptoKeyPair
  try {
    pair = (await subtle.generateKey('X25519', false, ['deriveBits'])) as CryptoKeyPair
  } catch {
    return importSecret(globalThis.crypto.getRandomValues(new Uint8Array(32)))
  }
  return {
    publicKey: new Uint8Array(await subtle.exportKey('raw', pair.publicKey)),
    async agree(remote) {
      const key = await subtle.importKey('raw', owned(remote), 'X25519', false, [])
      return new Uint8Array(await subtle.deriveBits({ name: 'X25519', public: key }, pair.privateKey, 256))
    }
  }
}

function concat(parts: readonly Uint8Array[], spare = 0): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, spare))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** The cipher takes a record whole, so its pieces are kept until the tag is here. */
class WholeOpener implements Opener {
  readonly #open: (sealed: Uint8Array) => Uint8Array
  readonly #parts: Uint8Array[] = []

  constructor(open: (sealed: Uint8Array) => Uint8Array) {
    this.#open = open
  }

  push(bytes: Uint8Array): undefined {
    this.#parts.push(bytes.slice())
    return undefined
  }

  finish(tag: Uint8Array): Uint8Array {
    return this.#open(concat([...this.#parts, tag]))
  }
}

/** Noise's primitives: key agreement by WebCrypto, which is asynchronous, the rest in plain JavaScript. */
export const crypto: NoiseCrypto = {
  generateKey,
  importKey: importSecret,
  sha256,
  hkdf(chainingKey, input) {
    const both = hkdf(sha256, input, chainingKey, undefined, 64)
    return [both.subarray(0, 32), both.subarray(32)]
  },
  createCipher(key) {
    const kept = key.slice()
    return {
      seal: (nonce, plain, associated) => chacha20poly1305(kept, nonce, associated).encrypt(plain),
      open: (nonce, sealed, associated) => chacha20poly1305(kept, nonce, associated).decrypt(sealed),
      sealParts(nonce, parts, emit) {
        const only = parts[0]
        const sealed = chacha20poly1305(kept, nonce).encrypt(
          parts.length === 1 && only !== undefined ? only : concat(parts)
        )
        emit(sealed.subarray(0, -16))
        return sealed.subarray(-16)
      },
      opener(nonce) {
        const own = nonce.slice()
        return new WholeOpener((sealed) => chacha20poly1305(kept, own).decrypt(sealed))
      }
    }
  }
}
