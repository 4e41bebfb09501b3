import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { NoiseCrypto, Opener, StaticKey } from './crypto-interface.ts'

const keyPair = (secret: Uint8Array): StaticKey => ({
  publicKey: x25519.getPublicKey(secret),
  agree: (remote) => x25519.getSharedSecret(secret, remote)
})

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

/** Noise's primitives in plain JavaScript. */
export const crypto: NoiseCrypto = {
  generateKey: () => keyPair(x25519.utils.randomSecretKey()),
  importKey: (raw) => keyPair(raw),
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
