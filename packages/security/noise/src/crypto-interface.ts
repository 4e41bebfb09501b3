/** An X25519 key pair. */
export interface StaticKey {
  readonly publicKey: Uint8Array
  /** The shared secret; throws or rejects for a remote key of low order. Asynchronous where the runtime's is. */
  agree(remote: Uint8Array): Uint8Array | Promise<Uint8Array>
}

/** Seals one record as its plain text comes in. What it is given is not kept. */
export interface Sealer {
  /** Ciphertext of these bytes, or undefined when all of it comes with `finish`. */
  push(plain: Uint8Array): Uint8Array | undefined
  /** The rest of the ciphertext and the tag behind it. */
  finish(): Uint8Array
}

/** Opens one record as its ciphertext comes in. What `push` gives counts only when `finish` did not throw. */
export interface Opener {
  /** Plain text of these bytes, or undefined when all of it comes with `finish`. What it is given is not kept. */
  push(sealed: Uint8Array): Uint8Array | undefined
  finish(tag: Uint8Array): Uint8Array | undefined
}

/** ChaCha20-Poly1305 under one key. Nonces are 12 bytes, tags 16. */
export interface RecordCipher {
  seal(nonce: Uint8Array, plain: Uint8Array, associated?: Uint8Array): Uint8Array
  /** Throws when the tag does not match. */
  open(nonce: Uint8Array, sealed: Uint8Array, associated?: Uint8Array): Uint8Array
  /** For a record with this much plain text. */
  sealer(nonce: Uint8Array, length: number): Sealer
  opener(nonce: Uint8Array, length: number): Opener
}

/** What the protocol needs of a runtime. */
export interface NoiseCrypto {
  generateKey(): StaticKey | Promise<StaticKey>
  /** From a raw private key: for test vectors. */
  importKey(raw: Uint8Array): StaticKey | Promise<StaticKey>
  sha256(data: Uint8Array): Uint8Array
  /** Two keys of 32 bytes (Noise section 4.3). */
  hkdf(chainingKey: Uint8Array, input: Uint8Array): [Uint8Array, Uint8Array]
  createCipher(key: Uint8Array): RecordCipher
}
