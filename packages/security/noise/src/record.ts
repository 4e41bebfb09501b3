import { concat } from '@peerloom/bounded'
import { PeerloomError } from '@peerloom/interface'

/** Sizes of a Noise transport message (noise specification, "Wire Format"): 2-byte length, then at most 65,535 bytes. */
export const lengthBytes = 2
export const tagBytes = 16
const maxRecordBytes = 65_535
export const maxPlainBytes: number = maxRecordBytes - tagBytes

/** A frame around a handshake message. */
export function frame(message: Uint8Array): Uint8Array {
  const { length } = message
  if (length > maxRecordBytes) {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `a handshake message of ${length} bytes: offer fewer extensions`)
  }
  return concat([Uint8Array.of(length >> 8, length & 0xff), message])
}
