import { closeCodes } from './close-code.ts'
import { applyMask } from './mask.ts'

/** RFC 6455, 5.2. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export const finBit = 0x80
export const maskBit = 0x80
/** The longest payload of a control frame (RFC 6455, 5.5). */
export const maxControlBytes = 125
/** The longest header: flags, length, 64-bit length, masking key. */
export const maxHeaderBytes = 14

/** Length of the header of a whole frame with that much payload. */
export const headerBytes = (payloadBytes: number, masked: boolean): number =>
  (payloadBytes < 126 ? 2 : payloadBytes < 65_536 ? 4 : 10) + (masked ? 4 : 0)

/** Writes the header of an unfragmented frame at `at`; `key` undefined: not masked. */
export function writeHeader(
  target: Uint8Array,
  at: number,
  opcode: number,
  payloadBytes: number,
  key: number | undefined
): void {
  const masked = key === undefined ? 0 : maskBit
  let next = at
  target[next++] = finBit | opcode
  if (payloadBytes < 126) target[next++] = masked | payloadBytes
  else if (payloadBytes < 65_536) {
    target[next++] = masked | 126
    target[next++] = payloadBytes >>> 8
    target[next++] = payloadBytes
  } else {
    target[next++] = masked | 127
    for (let byte = 7; byte >= 0; byte--) target[next++] = byte > 3 ? 0 : payloadBytes >>> (byte * 8)
  }
  if (key !== undefined) for (let byte = 0; byte < 4; byte++) target[next++] = key >>> (byte * 8)
}

/** A whole control frame. */
export function controlFrame(opcode: number, payload: Uint8Array, key: number | undefined): Uint8Array {
  const start = headerBytes(payload.length, key !== undefined)
  const frame = new Uint8Array(start + payload.length)
  writeHeader(frame, 0, opcode, payload.length, key)
  frame.set(payload, start)
  if (key !== undefined) applyMask(frame, start, frame.length, key, 0)
  return frame
}

/** The payload of a Close frame (RFC 6455, 5.5.1). */
export const closePayload = (code: number): Uint8Array =>
  code === closeCodes.none ? new Uint8Array(0) : Uint8Array.of(code >>> 8, code)
