/** Up to this many bytes go into a call as its arguments. */
const argumentsAtOnce = 4096

/** Bytes as a map key: each is one character, U+0000 to U+00FF. */
export function binaryString(bytes: Uint8Array): string {
  if (bytes.length <= argumentsAtOnce) return String.fromCharCode.apply(null, bytes as unknown as number[])
  let text = ''
  for (let at = 0; at < bytes.length; at += argumentsAtOnce) {
    text += binaryString(bytes.subarray(at, at + argumentsAtOnce))
  }
  return text
}

/** The bytes that a binary string stands for. */
export function binaryBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at)
  return bytes
}
