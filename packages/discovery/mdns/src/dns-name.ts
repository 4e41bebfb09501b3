import { PeerloomError } from '@peerloom/interface'

/** RFC 1035 section 2.3.4, the final zero included. */
const maxNameBytes = 255
export const maxLabelBytes = 63
/** Pointers followed for one name; real messages need two or three. */
const maxPointers = 16

export const fail = (message: string): PeerloomError =>
  new PeerloomError('ERR_DECODE', `DNS: ${message}`, { remote: true })

/**
 * The name at an offset, in lower case, because names do not tell cases apart (RFC 1035 section 2.3.3). Labels are joined
 * by dots; a dot or a backslash inside of one gets a backslash, so that two names never look the same.
 */
export function readName(bytes: Uint8Array, offset: number): string {
  const labels: string[] = []
  let at = offset
  /** Where this piece of the name begins. */
  let start = offset
  let length = 1
  let pointers = 0
  for (;;) {
    const size = bytes[at]
    if (size === undefined) throw fail('ends inside a name')
    if (size === 0) return labels.join('.')
    if (size >= 0xc0) {
      const low = bytes[at + 1]
      if (low === undefined) throw fail('ends inside a name')
      const target = ((size & 0x3f) << 8) | low
      // A pointer leads to a prior name (RFC 1035 section 4.1.4): always going back, a walk comes to an end.
      if (target >= start || ++pointers > maxPointers) throw fail('a name points nowhere')
      at = start = target
      continue
    }
    if (size > maxLabelBytes) throw fail(`a label of an unknown kind, ${size >> 6}`)
    length += size + 1
    if (length > maxNameBytes) throw fail('a name is too long')
    if (at + 1 + size > bytes.length) throw fail('ends inside a name')
    labels.push(readLabel(bytes, at + 1, size))
    at += size + 1
  }
}

/** The offset behind the name at an offset, without a look at what pointers lead to. */
export function skipName(bytes: Uint8Array, offset: number): number {
  for (let at = offset; at - offset < maxNameBytes;) {
    const size = bytes[at]
    if (size === undefined) throw fail('ends inside a name')
    if (size === 0) return at + 1
    if (size >= 0xc0) return at + 2
    if (size > maxLabelBytes) throw fail(`a label of an unknown kind, ${size >> 6}`)
    at += size + 1
  }
  throw fail('a name is too long')
}

function readLabel(bytes: Uint8Array, start: number, size: number): string {
  let label = ''
  for (let at = start; at < start + size; at++) {
    const code = bytes[at] as number
    if (code === 0x2e || code === 0x5c) label += '\\'
    label += String.fromCharCode(code >= 0x41 && code <= 0x5a ? code + 32 : code)
  }
  return label
}
