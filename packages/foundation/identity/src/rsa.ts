import { createPrivateKey, createPublicKey, generateKeyPair, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { invalidKey } from './algorithm.ts'
import type { Algorithm, GenerateOptions, PrivateParts, Verify } from './algorithm.ts'
import { checkBits, checkPkix, pkixFromPkcs1, rsaBits } from './rsa-der.ts'

const privateParts = (key: KeyObject, raw: Uint8Array, publicRaw: Uint8Array): PrivateParts => ({
  raw,
  publicRaw,
  sign: (data) => new Uint8Array(sign('sha256', data, key))
})

function importPublic(raw: Uint8Array): Verify {
  checkPkix(raw)
  let key: KeyObject
  try {
    key = createPublicKey({ key: Buffer.from(raw), format: 'der', type: 'spki' })
  } catch (cause) {
    throw invalidKey('RSA public key does not import', cause)
  }
  return (data, signature) => verify('sha256', data, key, signature)
}

async function importPrivate(raw: Uint8Array): Promise<PrivateParts> {
  const publicRaw = pkixFromPkcs1(raw)
  try {
    const key = createPrivateKey({ key: Buffer.from(raw), format: 'der', type: 'pkcs1' })
    return privateParts(key, new Uint8Array(raw), publicRaw)
  } catch (cause) {
    throw invalidKey('RSA private key does not import', cause)
  }
}

async function generate(options: GenerateOptions): Promise<PrivateParts> {
  const modulusLength = options.rsaBits ?? rsaBits.standard
  checkBits(modulusLength)
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength })
  const raw = new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs1' }))
  return privateParts(privateKey, raw, pkixFromPkcs1(raw))
}

export const rsa: Algorithm = { importPublic, importPrivate, generate }
