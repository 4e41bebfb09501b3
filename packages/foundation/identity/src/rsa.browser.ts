import { invalidKey } from './algorithm.ts'
import type { Algorithm, GenerateOptions, PrivateParts, Verify } from './algorithm.ts'
import { checkBits, checkPkix, pkcs1FromPkcs8, pkcs8FromPkcs1, pkixFromPkcs1, rsaBits } from './rsa-der.ts'
import { owned, subtle } from './web-crypto.ts'

const scheme = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const

function importPublic(raw: Uint8Array): Verify {
  checkPkix(raw)
  let imported: Promise<CryptoKey> | undefined
  return async (data, signature) => {
    const web = subtle()
    imported ??= web.importKey('spki', owned(raw), scheme, false, ['verify'])
    try {
      return await web.verify(scheme, await imported, owned(signature), owned(data))
    } catch {
      return false
    }
  }
}

function privateParts(key: CryptoKey, raw: Uint8Array, publicRaw: Uint8Array): PrivateParts {
  const sign = async (data: Uint8Array): Promise<Uint8Array> => {
    return new Uint8Array(await subtle().sign(scheme, key, owned(data)))
  }
  return { raw, publicRaw, sign }
}

async function importPrivate(raw: Uint8Array): Promise<PrivateParts> {
  const publicRaw = pkixFromPkcs1(raw)
  const web = subtle()
  try {
    const key = await web.importKey('pkcs8', owned(pkcs8FromPkcs1(raw)), scheme, false, ['sign'])
    return privateParts(key, new Uint8Array(raw), publicRaw)
  } catch (cause) {
    throw invalidKey('RSA private key does not import', cause)
  }
}

async function generate(options: GenerateOptions): Promise<PrivateParts> {
  const modulusLength = options.rsaBits ?? rsaBits.standard
  checkBits(modulusLength)
  const parameters = { ...scheme, modulusLength, publicExponent: Uint8Array.of(1, 0, 1) }
  const web = subtle()
  const { privateKey } = await web.generateKey(parameters, true, ['sign', 'verify'])
  const exported = new Uint8Array(await web.exportKey('pkcs8', privateKey))
  const raw = pkcs1FromPkcs8(exported)
  return privateParts(privateKey, raw, pkixFromPkcs1(raw))
}

export const rsa: Algorithm = { importPublic, importPrivate, generate }
