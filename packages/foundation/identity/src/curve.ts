import { invalidKey } from './algorithm.ts'
import { toBigInt } from './big-endian.ts'

/** A short Weierstrass curve over a prime p = 3 mod 4, which both of ours are: y² = x³ + ax + b. */
export interface Curve {
  readonly name: string
  readonly p: bigint
  readonly a: bigint
  readonly b: bigint
  /** The order of the group. */
  readonly n: bigint
}

/** SEC 2, 2.4.1 */
export const secp256k1Curve: Curve = {
  name: 'secp256k1',
  p: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2fn,
  a: 0n,
  b: 7n,
  n: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
}

/** FIPS 186-4, D.1.2.3 */
export const p256Curve: Curve = {
  name: 'P-256',
  p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
  a: -3n,
  b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
}

/** A private key is a number in 1 .. n - 1. */
export function checkScalar(curve: Curve, bytes: Uint8Array): void {
  const value = toBigInt(bytes)
  if (bytes.length !== 32 || value === 0n || value >= curve.n)
    throw invalidKey(`${curve.name} private key out of range`)
}

const squareOfY = (curve: Curve, x: bigint): bigint => (x * x * x + curve.a * x + curve.b) % curve.p

/** SEC 1, 2.3.3: `04 x y`. */
export function checkUncompressed(curve: Curve, point: Uint8Array): void {
  if (point.length !== 65 || point[0] !== 4) throw invalidKey(`${curve.name} point is not in uncompressed form`)
  const x = toBigInt(point.subarray(1, 33))
  const y = toBigInt(point.subarray(33))
  const difference = (y * y - squareOfY(curve, x)) % curve.p
  if (x >= curve.p || y >= curve.p || difference !== 0n) throw invalidKey(`point is not on ${curve.name}`)
}

/** SEC 1, 2.3.3: `02 x` or `03 x`. On the curve when x³ + ax + b is a square (Euler's criterion). */
export function checkCompressed(curve: Curve, point: Uint8Array): void {
  if (point.length !== 33 || (point[0] !== 2 && point[0] !== 3)) {
    throw invalidKey(`${curve.name} point is not in compressed form`)
  }
  const x = toBigInt(point.subarray(1))
  if (x >= curve.p) throw invalidKey(`point is not on ${curve.name}`)
  let base = squareOfY(curve, x)
  let power = 1n
  for (let exponent = (curve.p - 1n) / 2n; exponent > 0n; exponent >>= 1n) {
    if ((exponent & 1n) === 1n) power = (power * base) % curve.p
    base = (base * base) % curve.p
  }
  if (power !== 1n) throw invalidKey(`point is not on ${curve.name}`)
}

export function compress(point: Uint8Array): Uint8Array {
  const compressed = point.slice(0, 33)
  compressed[0] = 2 + ((point[64] as number) & 1)
  return compressed
}
