import { invalidKey, unsupportedKey } from './algorithm.ts'
import { checkScalar, checkUncompressed, p256Curve } from './curve.ts'
import { der, DerReader, tags } from './der.ts'
import { equalBytes } from './equal-bytes.ts'

/** 1.2.840.10045.2.1 */
const ecPublicKey = Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01)
/** 1.2.840.10045.3.1.7 */
const prime256v1 = Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07)
const curveId = der(tags.objectId, prime256v1)
/** AlgorithmIdentifier of RFC 5480, 2.1. */
export const ecAlgorithm: Uint8Array = der(tags.sequence, der(tags.objectId, ecPublicKey), curveId)

const noUnusedBits = Uint8Array.of(0)

function expectCurve(id: Uint8Array): void {
  if (!equalBytes(id, prime256v1)) throw unsupportedKey('ECDSA key on another curve than P-256')
}

/** The point `04 x y` inside a PKIX public key (RFC 5480). */
export function pointFromPkix(raw: Uint8Array): Uint8Array {
  const outer = new DerReader(raw)
  const key = outer.nested(tags.sequence)
  outer.end()
  const algorithm = key.nested(tags.sequence)
  if (!equalBytes(algorithm.read(tags.objectId), ecPublicKey)) throw invalidKey('ECDSA key holds another type of key')
  expectCurve(algorithm.read(tags.objectId))
  algorithm.end()
  const point = key.bitString()
  key.end()
  checkUncompressed(p256Curve, point)
  return point
}

export function pkixFromPoint(point: Uint8Array): Uint8Array {
  return der(tags.sequence, ecAlgorithm, der(tags.bitString, noUnusedBits, point))
}

/** The scalar, and the point when it is there, inside a SEC1 private key (RFC 5915). */
export function parseSec1(raw: Uint8Array): { scalar: Uint8Array; point: Uint8Array | undefined } {
  const outer = new DerReader(raw)
  const key = outer.nested(tags.sequence)
  outer.end()
  if (!equalBytes(key.integer(), Uint8Array.of(1))) throw invalidKey('ECDSA private key is not of version 1')
  const scalar = key.read(tags.octetString)
  checkScalar(p256Curve, scalar)
  const parameters = key.nested(tags.context0)
  expectCurve(parameters.read(tags.objectId))
  parameters.end()
  let point: Uint8Array | undefined
  if (key.next(tags.context1)) {
    const holder = key.nested(tags.context1)
    point = holder.bitString()
    holder.end()
    checkUncompressed(p256Curve, point)
  }
  key.end()
  return { scalar, point }
}

/** RFC 5915; without the point where a platform is to compute it. */
export function sec1(scalar: Uint8Array, point?: Uint8Array): Uint8Array {
  const version = der(tags.integer, Uint8Array.of(1))
  const parts = [version, der(tags.octetString, scalar), der(tags.context0, curveId)]
  if (point !== undefined) parts.push(der(tags.context1, der(tags.bitString, noUnusedBits, point)))
  return der(tags.sequence, ...parts)
}
