import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { invalidKey } from './algorithm.ts'
import type { Algorithm, PrivateParts, Verify } from './algorithm.ts'
import { parseSec1, pkixFromPoint, pointFromPkix, sec1 } from './ecdsa-der.ts'
import { equalBytes } from './equal-bytes.ts'

function privateParts(key: KeyObject, scalar: Uint8Array, claimed?: Uint8Array): PrivateParts {
  const point = new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-65))
  if (claimed !== undefined && !equalBytes(claimed, point)) {
    throw invalidKey('ECDSA private key does not belong to the public key beside it')
  }
  return {
    raw: sec1(scalar, point),
    publicRaw: pkixFromPoint(point),
    sign: (data) => new Uint8Array(sign('sha256', data, key))
  }
}

function importPublic(raw: Uint8Array): Verify {
  pointFromPkix(raw)
  const key = createPublicKey({ key: Buffer.from(raw), format: 'der', type: 'spki' })
  return (data, signature) => verify('sha256', data, key, signature)
}

async function importPrivate(raw: Uint8Array): Promise<PrivateParts> {
  const { scalar, point } = parseSec1(raw)
  const key = createPrivateKey({ key: Buffer.from(sec1(scalar)), format: 'der', type: 'sec1' })
  return privateParts(key, scalar, point)
}

async function generate(): Promise<PrivateParts> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const { d } = privateKey.export({ format: 'jwk' })
  return privateParts(privateKey, new Uint8Array(Buffer.from(d as string, 'base64url')))
}

export const ecdsa: Algorithm = { importPublic, importPrivate, generate }
