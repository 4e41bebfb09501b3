import { PeerloomError } from '@peerloom/interface'

/** The counter of one direction: 4 zero bytes, then 64 bits little-endian (Noise section 5.1, ChaChaPoly 12.3). */
export class Nonce {
  readonly #bytes = new Uint8Array(12)
  readonly #view = new DataView(this.#bytes.buffer)
  #low: number
  #high: number

  /** `start` is for tests of exhaustion. */
  constructor(start = 0n) {
    this.#low = Number(start & 0xffff_ffffn)
    this.#high = Number(start >> 32n)
  }

  /** The nonce for the next record; valid until the next call. Throws ERR_SECURITY when all are used up. */
  next(): Uint8Array {
    // 2^64 - 1 is reserved.
    if (this.#high === 0xffff_ffff && this.#low === 0xffff_ffff) {
      throw new PeerloomError('ERR_SECURITY', 'the connection has used all its nonces')
    }
    this.#view.setUint32(4, this.#low, true)
    this.#view.setUint32(8, this.#high, true)
    if (++this.#low > 0xffff_ffff) {
      this.#low = 0
      this.#high++
    }
    return this.#bytes
  }
}
