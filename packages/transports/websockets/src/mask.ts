import type { RandomBytes } from '@peerloom/interface'

/** Keys that are fetched at once. */
const slabKeys = 256
/** Below this many bytes a view of words costs more than it saves. */
const shortBytes = 48

const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/** Masking keys, each used once and from a strong source (RFC 6455, 5.3). */
export class MaskKeys {
  readonly #random: RandomBytes
  #slab: Int32Array = new Int32Array(0)
  #next = 0

  constructor(random: RandomBytes) {
    this.#random = random
  }

  /** A key as the number that its four bytes make, the first one lowest. */
  take(): number {
    if (this.#next === this.#slab.length) {
      this.#slab = new Int32Array(this.#random(slabKeys * 4).slice().buffer)
      this.#next = 0
    }
    return this.#slab[this.#next++] as number
  }
}

/**
 * Masks or unmasks `bytes[from, to)` in place, by words: over ten times as fast as by bytes. `phase` is the place of the
 * first of them in its frame, modulo 4.
 */
export function applyMask(bytes: Uint8Array, from: number, to: number, key: number, phase: number): void {
  if (key === 0) return
  const aligned = isLittleEndian && to - from >= shortBytes ? from + (-(bytes.byteOffset + from) & 3) : to
  let at = from
  let turn = phase
  for (; at < aligned; at++) bytes[at] = (bytes[at] as number) ^ (key >>> ((turn++ & 3) << 3))
  if (at === to) return
  const shift = (turn & 3) << 3
  const word = shift === 0 ? key : (key >>> shift) | (key << (32 - shift))
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (to - at) >> 2)
  const { length } = words
  const bulk = length & ~7
  let index = 0
  for (; index < bulk; index += 8) {
    words[index] = (words[index] as number) ^ word
    words[index + 1] = (words[index + 1] as number) ^ word
    words[index + 2] = (words[index + 2] as number) ^ word
    words[index + 3] = (words[index + 3] as number) ^ word
    words[index + 4] = (words[index + 4] as number) ^ word
    words[index + 5] = (words[index + 5] as number) ^ word
    words[index + 6] = (words[index + 6] as number) ^ word
    words[index + 7] = (words[index + 7] as number) ^ word
  }
  for (; index < length; index++) words[index] = (words[index] as number) ^ word
  for (at += length << 2; at < to; at++) bytes[at] = (bytes[at] as number) ^ (key >>> ((turn++ & 3) << 3))
}
