import { PeerloomError } from '@peerloom/interface'

/** The longest varint that stays a safe integer: 2^53 - 1 takes 8 bytes. */
const longestSafe = 8

function checkValue(value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return
  throw new PeerloomError(
    'ERR_INVALID_ARGUMENT',
    `${value} is not an integer of 0 .. 2^53 - 1, a varint cannot hold it`
  )
}

/** Bytes that `value` takes as an unsigned varint. Throws ERR_INVALID_ARGUMENT when it is not 0 .. 2^53 - 1. */
export function varintLength(value: number): number {
  checkValue(value)
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x200000) return 3
  if (value < 0x10000000) return 4
  let length = 5
  for (let rest = Math.floor(value / 0x800000000); rest > 0; rest = Math.floor(rest / 128)) length++
  return length
}

/**
 * Writes a non-negative safe integer as an unsigned varint; gives the offset behind it. Throws ERR_INVALID_ARGUMENT for
 * any other value. The target must be long enough.
 */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  checkValue(value)
  let rest = value
  while (rest >= 0x80) {
    target[offset++] = rest > 0x7fffffff ? (rest % 128) | 0x80 : (rest & 0x7f) | 0x80
    rest = rest > 0x7fffffff ? Math.floor(rest / 128) : rest >>> 7
  }
  target[offset++] = rest
  return offset
}

export function encodeVarint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value))
  writeVarint(bytes, 0, value)
  return bytes
}

/**
 * Reads the unsigned varint at `offset`: its value, or -1 when the bytes end before it does. Throws ERR_DECODE above
 * 2^53 - 1 or, as the unsigned-varint specification asks, when it is longer than needed. Its length is
 * `varintLength(value)`.
 */
export function readVarint(bytes: Uint8Array, offset: number): number {
  let value = 0
  let factor = 1
  for (let at = offset; ; at++) {
    if (at - offset >= longestSafe) throw new PeerloomError('ERR_DECODE', 'varint over 2^53 - 1', { remote: true })
    const byte = bytes[at]
    if (byte === undefined) return -1
    value += (byte & 0x7f) * factor
    if (byte < 0x80) {
      if (byte === 0 && at > offset) throw new PeerloomError('ERR_DECODE', 'varint is not minimal', { remote: true })
      if (value > Number.MAX_SAFE_INTEGER) {
        throw new PeerloomError('ERR_DECODE', 'varint over 2^53 - 1', { remote: true })
      }
      return value
    }
    factor *= 128
  }
}
