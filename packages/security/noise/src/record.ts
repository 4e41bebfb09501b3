/** Sizes of a Noise transport message (noise specification, "Wire Format"): 2-byte length, then at most 65,535 bytes. */
export const lengthBytes = 2
export const tagBytes = 16
const maxRecordBytes = 65_535
export const maxPlainBytes: number = maxRecordBytes - tagBytes

/** A frame around a handshake message. */
export function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(lengthBytes + message.length)
  framed[0] = message.length >> 8
  framed[1] = message.length & 0xff
  framed.set(message, lengthBytes)
  return framed
}
