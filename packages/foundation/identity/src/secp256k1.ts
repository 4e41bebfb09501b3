import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { expectLength, invalidKey } from './algorithm.ts'
import type { Algorithm, PrivateParts, Verify } from './algorithm.ts'
import { toBigInt, toBytes32 } from './big-endian.ts'
import { checkScalar, compress, secp256k1Curve } from './curve.ts'
import { compactFromDer, derFromCompact } from './ecdsa-signature.ts'

/** PKIX (RFC 5480) and SEC1 (RFC 5915) heads, as far as the point and behind the scalar. */
const pkixHead = Buffer.from('3036301006072a8648ce3d020106052b8104000a032200', 'hex')
const sec1Head = Buffer.from('302e0201010420', 'hex')
const sec1Tail = Buffer.from('a00706052b8104000a', 'hex')

/** BIP 62: rust and js libp2p refuse the upper half of s when they verify. */
function lowS(signature: Uint8Array): Uint8Array {
  const compact = compactFromDer(signature)
  if (compact === undefined) return signature
  const s = toBigInt(compact.subarray(32))
  if (s <= secp256k1Curve.n >> 1n) return signature
  compact.set(toBytes32(secp256k1Curve.n - s), 32)
  return derFromCompact(compact)
}

function privateParts(key: KeyObject, raw: Uint8Array): PrivateParts {
  const pkix = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const publicRaw = compress(new Uint8Array(pkix.subarray(-65)))
  return { raw, publicRaw, sign: (data) => lowS(new Uint8Array(sign('sha256', data, key))) }
}

function importPublic(raw: Uint8Array): Verify {
  expectLength('secp256k1', 'public key', raw, 33)
  let key: KeyObject
  try {
    key = createPublicKey({ key: Buffer.concat([pkixHead, raw]), format: 'der', type: 'spki' })
  } catch (cause) {
    throw invalidKey('point is not on secp256k1', cause)
  }
  return (data, signature) => verify('sha256', data, key, signature)
}

async function importPrivate(raw: Uint8Array): Promise<PrivateParts> {
  checkScalar(secp256k1Curve, raw)
  const key = createPrivateKey({ key: Buffer.concat([sec1Head, raw, sec1Tail]), format: 'der', type: 'sec1' })
  return privateParts(key, new Uint8Array(raw))
}

async function generate(): Promise<PrivateParts> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  const { d } = privateKey.export({ format: 'jwk' })
  return privateParts(privateKey, new Uint8Array(Buffer.from(d as string, 'base64url')))
}

export const secp256k1: Algorithm = { importPublic, importPrivate, generate }
