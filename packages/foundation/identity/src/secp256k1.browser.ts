import { expectLength } from './algorithm.ts'
import type { Algorithm, PrivateParts, Verify } from './algorithm.ts'
import { checkCompressed, checkScalar, secp256k1Curve } from './curve.ts'

/** WebCrypto does not know this curve. */
const loadCurve = async () => (await import('@noble/curves/secp256k1.js')).secp256k1

function importPublic(raw: Uint8Array): Verify {
  expectLength('secp256k1', 'public key', raw, 33)
  checkCompressed(secp256k1Curve, raw)
  return async (data, signature) => {
    const curve = await loadCurve()
    try {
      return curve.verify(signature, data, raw, { format: 'der', lowS: false })
    } catch {
      return false
    }
  }
}

async function importPrivate(raw: Uint8Array): Promise<PrivateParts> {
  checkScalar(secp256k1Curve, raw)
  const curve = await loadCurve()
  const secret = new Uint8Array(raw)
  return {
    raw: secret,
    publicRaw: curve.getPublicKey(secret, true),
    sign: (data) => curve.sign(data, secret, { format: 'der' })
  }
}

async function generate(): Promise<PrivateParts> {
  const curve = await loadCurve()
  return importPrivate(curve.utils.randomSecretKey())
}

export const secp256k1: Algorithm = { importPublic, importPrivate, generate }
