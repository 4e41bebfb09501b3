import { shake128 } from '@noble/hashes/sha3.js'
import { Salsa20 } from './salsa20.ts'

/** go-libp2p's choice of nonce, and so everybody's. */
const nonce = new TextEncoder().encode('finprint')

/**
 * Names a network without betraying its key, as kubo and rust-libp2p do: 64 bytes of Salsa20 key stream, so that the key
 * itself never enters a hash, shortened by SHAKE-128 to half of what would be needed to go back. In hex.
 */
export function fingerprintOf(key: Uint8Array): string {
  const stream = new Uint8Array(64)
  new Salsa20(key, nonce).apply(stream)
  return [...shake128(stream, { dkLen: 16 })].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
