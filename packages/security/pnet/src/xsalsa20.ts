import { hsalsa20, Salsa20 } from './salsa20.ts'

export const nonceBytes = 24

/** XSalsa20 as a stream: Salsa20 under a key that the first 16 bytes of a nonce of 24 make of the given one. */
export function xsalsa20(key: Uint8Array, nonce: Uint8Array): Salsa20 {
  return new Salsa20(hsalsa20(key, nonce), nonce.subarray(16, nonceBytes))
}
