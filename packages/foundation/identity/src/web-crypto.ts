import { unsupportedKey } from './algorithm.ts'

/** WebCrypto, which browsers give to secure contexts only. */
export function subtle(): SubtleCrypto {
  const found: SubtleCrypto | undefined = globalThis.crypto?.subtle
  if (found === undefined) {
    throw unsupportedKey('RSA and ECDSA keys and keychains need WebCrypto: serve the page over https')
  }
  return found
}

/** WebCrypto's types ask for bytes that are not shared; ours never are. */
export const owned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>

/** A field of a JWK (RFC 7515, 2). */
export function fromBase64url(text: string | undefined): Uint8Array {
  const binary = atob((text ?? '').replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
