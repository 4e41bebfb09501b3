import { hash } from 'node:crypto'

const sha256 = 0x12

/** The SHA-256 multihash of a certificate: what `/certhash/…` in an address holds, without its multibase. */
export function certificateHash(der: Uint8Array): Uint8Array {
  const digest = hash('sha256', der, 'buffer')
  return Uint8Array.of(sha256, digest.length, ...digest)
}
