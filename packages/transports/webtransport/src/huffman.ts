import { PeerloomError } from '@peerloom/interface'

/**
 * Lengths in bits of the Huffman code for each byte (RFC 7541, appendix B). The code is canonical: within a length, codes grow
 * with the bytes, so that these say it all. The end of a string is padded with ones, the start of the 30-bit code behind all.
 */
// oxfmt-ignore
const lengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26
]
const longest = 30

/** By length: the first code, and where its bytes begin among all, ordered by length. */
const firstCode: number[] = []
const firstIndex: number[] = []
const counts: number[] = []
const ordered: number[] = []
for (let length = 0, code = 0; length <= longest; length++) {
  firstCode[length] = code
  firstIndex[length] = ordered.length
  for (let byte = 0; byte < lengths.length; byte++) if (lengths[byte] === length) ordered.push(byte)
  counts[length] = ordered.length - (firstIndex[length] as number)
  code = (code + (counts[length] as number)) * 2
}

/** Decodes into at most `maxBytes`. Throws ERR_DECODE. */
export function decodeHuffman(encoded: Uint8Array, maxBytes: number): Uint8Array {
  const decoded: number[] = []
  let code = 0
  let length = 0
  let ones = true
  for (const octet of encoded) {
    for (let bit = 7; bit >= 0; bit--) {
      const value = (octet >> bit) & 1
      code = code * 2 + value
      length++
      if (value === 0) ones = false
      const at = code - (firstCode[length] ?? Infinity)
      if (at >= 0 && at < (counts[length] ?? 0)) {
        if (decoded.length >= maxBytes) throw broken('too long')
        decoded.push(ordered[(firstIndex[length] as number) + at] as number)
        code = 0
        length = 0
        ones = true
      } else if (length >= longest) throw broken('no such code')
    }
  }
  if (length > 7 || !ones) throw broken('wrong padding')
  return Uint8Array.from(decoded)
}

const broken = (what: string): PeerloomError =>
  new PeerloomError('ERR_DECODE', `Huffman coding: ${what}`, { remote: true })
