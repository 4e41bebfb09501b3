import { expectLength, invalidKey } from './algorithm.ts'
import { equalBytes } from './equal-bytes.ts'

/** The seed and, when it is there, the public key, of 32 bytes (seed alone), 64, or 96 in the form of old peers. */
export function parseEd25519(raw: Uint8Array): { seed: Uint8Array; publicRaw: Uint8Array | undefined } {
  if (raw.length === 32) return { seed: raw, publicRaw: undefined }
  if (raw.length === 96) {
    if (!equalBytes(raw.subarray(32, 64), raw.subarray(64))) throw invalidKey('Ed25519 private key has two public keys')
  } else {
    expectLength('Ed25519', 'private key', raw, 64)
  }
  return { seed: raw.subarray(0, 32), publicRaw: raw.subarray(32, 64) }
}

/** Seed and public key, after a check that they belong together. */
export function joinEd25519(seed: Uint8Array, publicRaw: Uint8Array, claimed: Uint8Array | undefined): Uint8Array {
  if (claimed !== undefined && !equalBytes(claimed, publicRaw)) {
    throw invalidKey('Ed25519 private key does not belong to the public key beside it')
  }
  const raw = new Uint8Array(64)
  raw.set(seed)
  raw.set(publicRaw, 32)
  return raw
}

/** PKCS#8 of RFC 8410, 7: the head before the seed. */
export const pkcs8Head: Uint8Array = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32)
