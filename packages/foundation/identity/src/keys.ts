import { BoundedMap } from '@peerloom/bounded'
import type { KeyType, PrivateKey, PublicKey } from '@peerloom/interface'
import { unsupportedKey } from './algorithm.ts'
import type { Algorithm, GenerateOptions, PrivateParts, Sign, Verify } from './algorithm.ts'
import { equalBytes } from './equal-bytes.ts'
import { decodeKey, encodeKey } from './key-protobuf.ts'
import { platform } from './platform.ts'

/** Keys that were decoded lately, by their protobuf. It only saves work: with or without it, calls give the same. */
const recent = new BoundedMap<string, PublicKey>({ maxEntries: 1024 })

class KnownPublicKey implements PublicKey {
  readonly type: KeyType
  readonly raw: Uint8Array
  readonly protobuf: Uint8Array
  readonly #verify: Verify

  constructor(type: KeyType, raw: Uint8Array, protobuf: Uint8Array) {
    this.type = type
    this.raw = raw
    this.protobuf = protobuf
    this.#verify = algorithmOf(type).importPublic(raw)
  }

  verify(data: Uint8Array, signature: Uint8Array): boolean | Promise<boolean> {
    return this.#verify(data, signature)
  }

  equals(other: PublicKey): boolean {
    return this === other || equalBytes(this.protobuf, other.protobuf)
  }
}

class KnownPrivateKey implements PrivateKey {
  readonly type: KeyType
  readonly publicKey: PublicKey
  readonly #raw: Uint8Array
  readonly #sign: Sign

  constructor(type: KeyType, parts: PrivateParts) {
    this.type = type
    this.#raw = parts.raw
    this.publicKey = publicKeyFromRaw(type, parts.publicRaw)
    this.#sign = parts.sign
  }

  /** A getter, so that no log shows the secret. */
  get raw(): Uint8Array {
    return this.#raw
  }

  get protobuf(): Uint8Array {
    return encodeKey(this.type, this.#raw)
  }

  async sign(data: Uint8Array): Promise<Uint8Array> {
    return this.#sign(data)
  }
}

function algorithmOf(type: KeyType): Algorithm {
  const algorithm: Algorithm | undefined = platform.algorithms[type]
  if (algorithm === undefined) throw unsupportedKey(`key type ${type}`)
  return algorithm
}

/** Makes a new key. */
export async function generateKey(type: KeyType = 'Ed25519', options: GenerateOptions = {}): Promise<PrivateKey> {
  return new KnownPrivateKey(type, await algorithmOf(type).generate(options))
}

/**
 * Decodes the protobuf of the peer-ids specification, or gives the key that was decoded from the same bytes before.
 * Throws ERR_INVALID_KEY, or ERR_UNSUPPORTED_KEY for a type or size that is not accepted. The bytes are copied.
 */
export function publicKeyFromProtobuf(bytes: Uint8Array): PublicKey {
  const { type } = decodeKey(bytes)
  const name = String.fromCharCode(...bytes)
  const known = recent.get(name)
  if (known !== undefined) return known
  // Not slice(), which Node's own subclass answers with a view.
  const protobuf = new Uint8Array(bytes)
  const key = new KnownPublicKey(type, decodeKey(protobuf).raw, protobuf)
  recent.set(name, key)
  return key
}

/** A public key from the bytes that `PublicKey.raw` has. */
export function publicKeyFromRaw(type: KeyType, raw: Uint8Array): PublicKey {
  algorithmOf(type)
  return publicKeyFromProtobuf(encodeKey(type, raw))
}

/** Decodes the protobuf of the peer-ids specification. Rejects as `publicKeyFromProtobuf` throws. */
export async function privateKeyFromProtobuf(bytes: Uint8Array): Promise<PrivateKey> {
  const { type, raw } = decodeKey(bytes)
  return privateKeyFromRaw(type, raw)
}

/** A private key from the bytes that `PrivateKey.raw` has; for Ed25519 also from the seed of 32 bytes alone. */
export async function privateKeyFromRaw(type: KeyType, raw: Uint8Array): Promise<PrivateKey> {
  return new KnownPrivateKey(type, await algorithmOf(type).importPrivate(raw))
}
