import type { ChaCha20Poly1305 } from '@chainsafe/as-chacha20poly1305'
import type { Opener, Sealer } from './crypto-interface.ts'
import { tagBytes } from './record.ts'

/** Up to this much plain text a cipher in WebAssembly is done before OpenSSL has set one up (3 against 12 us). */
const smallRecordBytes = 256
/** Small records after which the cipher is loaded: it takes some 10 ms, which a program that needs it little is spared. */
const loadAfter = 64

let seen = 0
let cipher: ChaCha20Poly1305 | undefined
/** Where a record is put together. One for all connections: sealing is synchronous. */
let scratch = new Uint8Array(0)

async function load(): Promise<void> {
  const { ChaCha20Poly1305, newInstance } = await import('@chainsafe/as-chacha20poly1305')
  cipher = new ChaCha20Poly1305(newInstance())
  scratch = new Uint8Array(smallRecordBytes)
}

/** Whether a record of this length is one for `SmallSealer` and `SmallOpener`; they are there from some records on. */
export function isSmall(length: number): boolean {
  if (length > smallRecordBytes) return false
  // Where WebAssembly is forbidden, OpenSSL goes on doing it all.
  if (++seen === loadAfter) load().catch(() => {})
  return cipher !== undefined
}

export class SmallSealer implements Sealer {
  readonly #key: Uint8Array
  readonly #nonce: Uint8Array
  #used = 0

  constructor(key: Uint8Array, nonce: Uint8Array) {
    this.#key = key
    this.#nonce = nonce
  }

  push(plain: Uint8Array): undefined {
    scratch.set(plain, this.#used)
    this.#used += plain.length
  }

  finish(): Uint8Array {
    return (cipher as ChaCha20Poly1305).seal(this.#key, this.#nonce, scratch.subarray(0, this.#used))
  }
}

export class SmallOpener implements Opener {
  readonly #key: Uint8Array
  readonly #nonce: Uint8Array
  readonly #sealed: Uint8Array
  #used = 0

  constructor(key: Uint8Array, nonce: Uint8Array, length: number) {
    this.#key = key
    this.#nonce = nonce
    this.#sealed = new Uint8Array(length + tagBytes)
  }

  push(sealed: Uint8Array): undefined {
    this.#sealed.set(sealed, this.#used)
    this.#used += sealed.length
  }

  finish(tag: Uint8Array): Uint8Array {
    this.push(tag)
    const plain = (cipher as ChaCha20Poly1305).open(this.#key, this.#nonce, this.#sealed)
    if (plain === null) throw new Error('the tag does not match')
    return plain
  }
}
