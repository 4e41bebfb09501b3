import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { NoiseCrypto, Opener, Sealer, StaticKey } from './crypto-interface.ts'
import { tagBytes } from './record.ts'

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

type Transform = (bytes: Uint8Array) => Uint8Array

/** The cipher takes a record whole, so its pieces are gathered first. */
class WholeRecord implements Sealer, Opener {
  readonly #transform: Transform
  readonly #length: number
  #bytes = new Uint8Array(0)
  #used = 0

  constructor(transform: Transform, length: number) {
    this.#transform = transform
    this.#length = length
  }

  push(bytes: Uint8Array): undefined {
    const needed = this.#used + bytes.length
    if (needed > this.#bytes.length) {
      // A remote that announces a large record and sends little of it gets little memory.
      const grown = new Uint8Array(Math.min(this.#length, Math.max(needed, this.#bytes.length * 2)))
      grown.set(this.#bytes.subarray(0, this.#used))
      this.#bytes = grown
    }
    this.#bytes.set(bytes, this.#used)
    this.#used = needed
    return undefined
  }

  finish(tag?: Uint8Array): Uint8Array {
    if (tag !== undefined) this.push(tag)
    return this.#transform(this.#bytes)
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
      sealer(nonce, length) {
        const own = nonce.slice()
        return new WholeRecord((plain) => chacha20poly1305(kept, own).encrypt(plain), length)
      },
      opener(nonce, length) {
        const own = nonce.slice()
        return new WholeRecord((sealed) => chacha20poly1305(kept, own).decrypt(sealed), length + tagBytes)
      }
    }
  }
}
