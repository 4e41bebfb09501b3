import { invalidKey, unsupportedKey } from './algorithm.ts'
import { toBigInt } from './big-endian.ts'
import { der, derInteger, DerReader, tags } from './der.ts'
import { equalBytes } from './equal-bytes.ts'

export const rsaBits = { smallest: 2048, largest: 8192, standard: 2048 } as const

/** 1.2.840.113549.1.1.1 */
const rsaEncryption = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01)
/** AlgorithmIdentifier of RFC 3279, 2.3.1. */
const rsaAlgorithm = der(tags.sequence, der(tags.objectId, rsaEncryption), der(tags.null))

const isOdd = (bytes: Uint8Array): boolean => ((bytes.at(-1) ?? 0) & 1) === 1

export function checkBits(bits: number): void {
  if (bits >= rsaBits.smallest && bits <= rsaBits.largest) return
  throw unsupportedKey(`RSA key of ${bits} bits, expected ${rsaBits.smallest} to ${rsaBits.largest}`)
}

/** Modulus and exponent bound the work of every later verification (CVE-2023-39533). */
function checkPublic(modulus: Uint8Array, exponent: Uint8Array): void {
  checkBits(modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24)
  if (!isOdd(modulus)) throw invalidKey('RSA modulus is even')
  const tooLarge = exponent.length > 4 || (exponent.length === 4 && (exponent[0] as number) >= 0x80)
  if (tooLarge) throw unsupportedKey('RSA exponent is over 2^31 - 1')
  if (!isOdd(exponent) || (exponent.length === 1 && exponent[0] === 1)) throw invalidKey('RSA exponent is even or 1')
}

/** Checks a PKIX public key (RFC 3279, 2.3.1). */
export function checkPkix(raw: Uint8Array): void {
  const outer = new DerReader(raw)
  const key = outer.nested(tags.sequence)
  outer.end()
  const algorithm = key.nested(tags.sequence)
  if (!equalBytes(algorithm.read(tags.objectId), rsaEncryption)) throw invalidKey('RSA key holds another type of key')
  if (algorithm.read(tags.null).length !== 0) throw invalidKey('DER: null is not empty')
  algorithm.end()
  const wrapped = new DerReader(key.bitString())
  key.end()
  const numbers = wrapped.nested(tags.sequence)
  wrapped.end()
  checkPublic(numbers.integer(), numbers.integer())
  numbers.end()
}

/** Checks a PKCS#1 private key of two primes (RFC 8017, A.1.2); gives its public key as PKIX. */
export function pkixFromPkcs1(raw: Uint8Array): Uint8Array {
  const outer = new DerReader(raw)
  const key = outer.nested(tags.sequence)
  outer.end()
  if (key.integer().length !== 0) throw unsupportedKey('RSA private key is not of version 0')
  const modulus = key.integer()
  const exponent = key.integer()
  checkPublic(modulus, exponent)
  // d, p, q, d mod p-1, d mod q-1, 1/q mod p
  const secrets = Array.from({ length: 6 }, () => key.integer())
  key.end()
  if (secrets.some((secret) => secret.length > modulus.length)) throw invalidKey('RSA secret is over its modulus')
  checkSecrets(toBigInt(modulus), toBigInt(exponent), secrets.map(toBigInt))
  const numbers = der(tags.sequence, derInteger(modulus), derInteger(exponent))
  return der(tags.sequence, rsaAlgorithm, der(tags.bitString, Uint8Array.of(0), numbers))
}

/** RFC 8017, 3.2. Platforms sign with a part of the numbers; a key is only good when all of them agree. */
function checkSecrets(n: bigint, e: bigint, secrets: readonly bigint[]): void {
  const [d = 0n, p = 0n, q = 0n, dp, dq, inverse = 0n] = secrets
  const agree =
    p > 2n &&
    q > 2n &&
    p * q === n &&
    (e * d) % (p - 1n) === 1n &&
    (e * d) % (q - 1n) === 1n &&
    dp === d % (p - 1n) &&
    dq === d % (q - 1n) &&
    (q * inverse) % p === 1n
  if (!agree) throw invalidKey('RSA private key does not belong to its public key')
}

/** PKCS#8 (RFC 5208) around PKCS#1, and back. */
export function pkcs8FromPkcs1(raw: Uint8Array): Uint8Array {
  return der(tags.sequence, der(tags.integer, Uint8Array.of(0)), rsaAlgorithm, der(tags.octetString, raw))
}

export function pkcs1FromPkcs8(bytes: Uint8Array): Uint8Array {
  const key = new DerReader(bytes).nested(tags.sequence)
  key.integer()
  key.read(tags.sequence)
  return key.read(tags.octetString).slice()
}
