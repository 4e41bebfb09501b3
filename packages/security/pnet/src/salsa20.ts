/** "expand 32-byte k", little-endian. */
export const sigma: readonly number[] = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]
const blockBytes = 64
const blockWords = 16
const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

export const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) |
  ((bytes[at + 1] as number) << 8) |
  ((bytes[at + 2] as number) << 16) |
  ((bytes[at + 3] as number) << 24)

/**
 * Salsa20 with 20 rounds (D. J. Bernstein, Salsa20 specification) as a stream: what is applied in pieces, cut anywhere, is
 * what is applied at once.
 */
export class Salsa20 {
  /** Key, nonce and counter in the order of the matrix. */
  readonly #state = new Int32Array(blockWords)
  /** A block that was begun, and where in it we are; 64 when there is none. */
  #block: Uint8Array | undefined = undefined
  #used = blockBytes

  /** A key of 32 bytes and a nonce of 8. `counter` is the first block's number, for tests. */
  constructor(key: Uint8Array, nonce: Uint8Array, counter = 0n) {
    const state = this.#state
    for (let at = 0; at < 4; at++) {
      state[5 * at] = sigma[at] as number
      state[1 + at] = word(key, 4 * at)
      state[11 + at] = word(key, 16 + 4 * at)
    }
    state[6] = word(nonce, 0)
    state[7] = word(nonce, 4)
    state[8] = Number(counter & 0xffff_ffffn)
    state[9] = Number(counter >> 32n)
  }

  /** How many bytes come before the next block begins. Words line up when bytes are laid so that they do behind these. */
  get untilBlock(): number {
    return blockBytes - this.#used
  }

  /** Enciphers or deciphers in place. */
  apply(bytes: Uint8Array): void {
    let at = this.#finishBlock(bytes, 0)
    const blocks = Math.floor((bytes.length - at) / blockBytes)
    if (blocks > 0 && isLittleEndian && (bytes.byteOffset + at) % 4 === 0) {
      applyBlocks(this.#state, new Int32Array(bytes.buffer, bytes.byteOffset + at, blocks * blockWords))
      at += blocks * blockBytes
    }
    while (at < bytes.length) {
      this.#nextBlock()
      at = this.#finishBlock(bytes, at)
    }
  }

  /** Applies what is left of the block that was begun. Gives the place behind. */
  #finishBlock(bytes: Uint8Array, from: number): number {
    const block = this.#block
    const count = Math.min(blockBytes - this.#used, bytes.length - from)
    if (block === undefined || count === 0) return from
    for (let at = 0; at < count; at++) {
      bytes[from + at] = (bytes[from + at] as number) ^ (block[this.#used + at] as number)
    }
    this.#used += count
    return from + count
  }

  #nextBlock(): void {
    this.#block ??= new Uint8Array(blockBytes)
    const words = new Int32Array(this.#block.buffer)
    words.fill(0)
    applyBlocks(this.#state, words)
    if (!isLittleEndian) {
      const view = new DataView(this.#block.buffer)
      for (let at = 0; at < blockWords; at++) view.setInt32(4 * at, words[at] as number, true)
    }
    this.#used = 0
  }
}

/** HSalsa20 (Bernstein, Extending the Salsa20 nonce, 2): a key from a key and 16 bytes of nonce. */
export function hsalsa20(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  const state = new Int32Array(blockWords)
  for (let at = 0; at < 4; at++) {
    state[5 * at] = sigma[at] as number
    state[1 + at] = word(key, 4 * at)
    state[6 + at] = word(nonce, 4 * at)
    state[11 + at] = word(key, 16 + 4 * at)
  }
  const block = new Int32Array(blockWords)
  const before = state.slice()
  applyBlocks(state, block)
  const subkey = new DataView(new ArrayBuffer(32))
  // The rounds without the addition at their end.
  for (const [at, from] of [0, 5, 10, 15, 6, 7, 8, 9].entries()) {
    subkey.setInt32(4 * at, ((block[from] as number) - (before[from] as number)) | 0, true)
  }
  return new Uint8Array(subkey.buffer)
}

/**
 * Adds key stream to whole blocks, and counts them. Sixteen variables instead of an array keep the rounds in registers:
 * this is the loop that every byte of a private network goes through.
 */
function applyBlocks(state: Int32Array, words: Int32Array): void {
  const s0 = state[0] as number
  const s1 = state[1] as number
  const s2 = state[2] as number
  const s3 = state[3] as number
  const s4 = state[4] as number
  const s5 = state[5] as number
  const s6 = state[6] as number
  const s7 = state[7] as number
  const s10 = state[10] as number
  const s11 = state[11] as number
  const s12 = state[12] as number
  const s13 = state[13] as number
  const s14 = state[14] as number
  const s15 = state[15] as number
  let s8 = state[8] as number
  let s9 = state[9] as number
  for (let at = 0; at < words.length; at += blockWords) {
    let x0 = s0
    let x1 = s1
    let x2 = s2
    let x3 = s3
    let x4 = s4
    let x5 = s5
    let x6 = s6
    let x7 = s7
    let x8 = s8
    let x9 = s9
    let x10 = s10
    let x11 = s11
    let x12 = s12
    let x13 = s13
    let x14 = s14
    let x15 = s15
    let t = 0
    for (let round = 0; round < 20; round += 2) {
      x4 ^= ((t = (x0 + x12) | 0) << 7) | (t >>> 25)
      x8 ^= ((t = (x4 + x0) | 0) << 9) | (t >>> 23)
      x12 ^= ((t = (x8 + x4) | 0) << 13) | (t >>> 19)
      x0 ^= ((t = (x12 + x8) | 0) << 18) | (t >>> 14)
      x9 ^= ((t = (x5 + x1) | 0) << 7) | (t >>> 25)
      x13 ^= ((t = (x9 + x5) | 0) << 9) | (t >>> 23)
      x1 ^= ((t = (x13 + x9) | 0) << 13) | (t >>> 19)
      x5 ^= ((t = (x1 + x13) | 0) << 18) | (t >>> 14)
      x14 ^= ((t = (x10 + x6) | 0) << 7) | (t >>> 25)
      x2 ^= ((t = (x14 + x10) | 0) << 9) | (t >>> 23)
      x6 ^= ((t = (x2 + x14) | 0) << 13) | (t >>> 19)
      x10 ^= ((t = (x6 + x2) | 0) << 18) | (t >>> 14)
      x3 ^= ((t = (x15 + x11) | 0) << 7) | (t >>> 25)
      x7 ^= ((t = (x3 + x15) | 0) << 9) | (t >>> 23)
      x11 ^= ((t = (x7 + x3) | 0) << 13) | (t >>> 19)
      x15 ^= ((t = (x11 + x7) | 0) << 18) | (t >>> 14)
      x1 ^= ((t = (x0 + x3) | 0) << 7) | (t >>> 25)
      x2 ^= ((t = (x1 + x0) | 0) << 9) | (t >>> 23)
      x3 ^= ((t = (x2 + x1) | 0) << 13) | (t >>> 19)
      x0 ^= ((t = (x3 + x2) | 0) << 18) | (t >>> 14)
      x6 ^= ((t = (x5 + x4) | 0) << 7) | (t >>> 25)
      x7 ^= ((t = (x6 + x5) | 0) << 9) | (t >>> 23)
      x4 ^= ((t = (x7 + x6) | 0) << 13) | (t >>> 19)
      x5 ^= ((t = (x4 + x7) | 0) << 18) | (t >>> 14)
      x11 ^= ((t = (x10 + x9) | 0) << 7) | (t >>> 25)
      x8 ^= ((t = (x11 + x10) | 0) << 9) | (t >>> 23)
      x9 ^= ((t = (x8 + x11) | 0) << 13) | (t >>> 19)
      x10 ^= ((t = (x9 + x8) | 0) << 18) | (t >>> 14)
      x12 ^= ((t = (x15 + x14) | 0) << 7) | (t >>> 25)
      x13 ^= ((t = (x12 + x15) | 0) << 9) | (t >>> 23)
      x14 ^= ((t = (x13 + x12) | 0) << 13) | (t >>> 19)
      x15 ^= ((t = (x14 + x13) | 0) << 18) | (t >>> 14)
    }
    words[at] = (words[at] as number) ^ (x0 + s0)
    words[at + 1] = (words[at + 1] as number) ^ (x1 + s1)
    words[at + 2] = (words[at + 2] as number) ^ (x2 + s2)
    words[at + 3] = (words[at + 3] as number) ^ (x3 + s3)
    words[at + 4] = (words[at + 4] as number) ^ (x4 + s4)
    words[at + 5] = (words[at + 5] as number) ^ (x5 + s5)
    words[at + 6] = (words[at + 6] as number) ^ (x6 + s6)
    words[at + 7] = (words[at + 7] as number) ^ (x7 + s7)
    words[at + 8] = (words[at + 8] as number) ^ (x8 + s8)
    words[at + 9] = (words[at + 9] as number) ^ (x9 + s9)
    words[at + 10] = (words[at + 10] as number) ^ (x10 + s10)
    words[at + 11] = (words[at + 11] as number) ^ (x11 + s11)
    words[at + 12] = (words[at + 12] as number) ^ (x12 + s12)
    words[at + 13] = (words[at + 13] as number) ^ (x13 + s13)
    words[at + 14] = (words[at + 14] as number) ^ (x14 + s14)
    words[at + 15] = (words[at + 15] as number) ^ (x15 + s15)
    s8 = (s8 + 1) | 0
    if (s8 === 0) s9 = (s9 + 1) | 0
  }
  state[8] = s8
  state[9] = s9
}
