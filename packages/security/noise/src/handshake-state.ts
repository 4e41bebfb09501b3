import { concat } from '@peerloom/bounded'
import { PeerloomError } from '@peerloom/interface'
import type { NoiseCrypto, RecordCipher, StaticKey } from './crypto-interface.ts'
import { Nonce } from './nonce.ts'
import { tagBytes } from './record.ts'

const protocolName = new TextEncoder().encode('Noise_XX_25519_ChaChaPoly_SHA256')
const keyBytes = 32

const outOfTurn = (): PeerloomError => new PeerloomError('ERR_INVALID_ARGUMENT', 'Noise: not the turn of this side')

/** Ciphers of the two directions after the handshake. */
export interface Transport {
  readonly send: RecordCipher
  readonly receive: RecordCipher
}

/** Noise XX (revision 34, sections 5 and 7.5), one side of it: messages in, messages out, no input or output. */
export class HandshakeState {
  readonly #crypto: NoiseCrypto
  readonly #initiator: boolean
  readonly #ephemeral: StaticKey
  #static: StaticKey | undefined
  #chainingKey: Uint8Array
  #hash: Uint8Array
  #cipher: RecordCipher | undefined
  #nonce = new Nonce()
  #remoteEphemeral: Uint8Array | undefined
  #remoteStatic: Uint8Array | undefined
  #step = 0

  constructor(crypto: NoiseCrypto, role: 'initiator' | 'responder', ephemeral: StaticKey, prologue: Uint8Array) {
    this.#crypto = crypto
    this.#initiator = role === 'initiator'
    this.#ephemeral = ephemeral
    // The name is exactly 32 bytes long, so it is the first hash as it is.
    this.#hash = protocolName
    this.#chainingKey = protocolName
    this.#mixHash(prologue)
  }

  /** Our static key, which the first message does without. */
  useStatic(key: StaticKey): void {
    this.#static = key
  }

  get remoteStatic(): Uint8Array | undefined {
    return this.#remoteStatic
  }

  /** The initiator's first message, which needs no key agreement and so is there at once. */
  writeFirst(payload: Uint8Array): Uint8Array {
    const e = this.#ephemeral
    if (this.#take(true) !== 0) throw outOfTurn()
    this.#mixHash(e.publicKey)
    return concat([e.publicKey, this.#encrypt(payload)])
  }

  /** The second message of a responder, the third of an initiator. */
  async write(payload: Uint8Array): Promise<Uint8Array> {
    const e = this.#ephemeral
    const s = this.#ownStatic
    switch (this.#take(true)) {
      case 1: {
        // <- e, ee, s, es
        this.#mixHash(e.publicKey)
        this.#mixKey(await e.agree(this.#remoteKey))
        const sealed = this.#encrypt(s.publicKey)
        this.#mixKey(await s.agree(this.#remoteKey))
        return concat([e.publicKey, sealed, this.#encrypt(payload)])
      }
      case 2: {
        // -> s, se
        const sealed = this.#encrypt(s.publicKey)
        this.#mixKey(await s.agree(this.#remoteKey))
        return concat([sealed, this.#encrypt(payload)])
      }
      default:
        throw outOfTurn()
    }
  }

  /** The payload of the remote's next message. Throws ERR_SECURITY when it is not genuine. */
  async read(message: Uint8Array): Promise<Uint8Array> {
    try {
      return await this.#read(message)
    } catch (cause) {
      if (cause instanceof PeerloomError) throw cause
      throw new PeerloomError('ERR_SECURITY', 'Noise: a handshake message is not genuine', { cause, remote: true })
    }
  }

  /** Ciphers for what follows. Call it once, after the third message. */
  split(): Transport {
    const [one, two] = this.#crypto.hkdf(this.#chainingKey, new Uint8Array(0))
    const first = this.#crypto.createCipher(one)
    const second = this.#crypto.createCipher(two)
    return this.#initiator ? { send: first, receive: second } : { send: second, receive: first }
  }

  async #read(message: Uint8Array): Promise<Uint8Array> {
    const e = this.#ephemeral
    switch (this.#take(false)) {
      case 0: {
        // -> e
        const remote = this.#cut(message, 0, keyBytes)
        this.#remoteEphemeral = remote
        this.#mixHash(remote)
        return this.#decrypt(message.subarray(keyBytes))
      }
      case 1: {
        // <- e, ee, s, es
        const remote = this.#cut(message, 0, keyBytes)
        this.#remoteEphemeral = remote
        this.#mixHash(remote)
        this.#mixKey(await e.agree(remote))
        this.#remoteStatic = this.#decrypt(this.#cut(message, keyBytes, keyBytes + tagBytes))
        this.#mixKey(await e.agree(this.#remoteStatic))
        return this.#decrypt(message.subarray(2 * keyBytes + tagBytes))
      }
      default: {
        // -> s, se
        this.#remoteStatic = this.#decrypt(this.#cut(message, 0, keyBytes + tagBytes))
        this.#mixKey(await e.agree(this.#remoteStatic))
        return this.#decrypt(message.subarray(keyBytes + tagBytes))
      }
    }
  }

  #take(writing: boolean): number {
    const step = this.#step++
    // The initiator writes messages 0 and 2.
    if (step > 2 || (step % 2 === 0) !== (this.#initiator === writing)) {
      throw outOfTurn()
    }
    return step
  }

  #cut(message: Uint8Array, start: number, length: number): Uint8Array {
    if (message.length < start + length) {
      throw new PeerloomError('ERR_SECURITY', 'Noise: a handshake message is too short', { remote: true })
    }
    return message.slice(start, start + length)
  }

  get #ownStatic(): StaticKey {
    if (this.#static === undefined) throw outOfTurn()
    return this.#static
  }

  get #remoteKey(): Uint8Array {
    return this.#remoteEphemeral as Uint8Array
  }

  #mixHash(data: Uint8Array): void {
    this.#hash = this.#crypto.sha256(concat([this.#hash, data]))
  }

  #mixKey(secret: Uint8Array): void {
    const [chainingKey, key] = this.#crypto.hkdf(this.#chainingKey, secret)
    this.#chainingKey = chainingKey
    this.#cipher = this.#crypto.createCipher(key)
    this.#nonce = new Nonce()
  }

  #encrypt(plain: Uint8Array): Uint8Array {
    const sealed = this.#cipher === undefined ? plain : this.#cipher.seal(this.#nonce.next(), plain, this.#hash)
    this.#mixHash(sealed)
    return sealed
  }

  #decrypt(sealed: Uint8Array): Uint8Array {
    let plain = sealed
    if (this.#cipher !== undefined) {
      if (sealed.length < tagBytes) {
        throw new PeerloomError('ERR_SECURITY', 'Noise: a handshake message is too short', { remote: true })
      }
      plain = this.#cipher.open(this.#nonce.next(), sealed, this.#hash)
    }
    this.#mixHash(sealed)
    return plain
  }
}
