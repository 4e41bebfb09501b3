import { invalidKey } from './algorithm.ts'
import type { Algorithm, PrivateParts, Verify } from './algorithm.ts'
import { ecAlgorithm, parseSec1, pkixFromPoint, pointFromPkix, sec1 } from './ecdsa-der.ts'
import { der, tags } from './der.ts'
import { compactFromDer, derFromCompact } from './ecdsa-signature.ts'
import { fromBase64url, owned, subtle } from './web-crypto.ts'

const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const
const scheme = { name: 'ECDSA', hash: 'SHA-256' } as const

function importPublic(raw: Uint8Array): Verify {
  const point = pointFromPkix(raw)
  let imported: Promise<CryptoKey> | undefined
  return async (data, signature) => {
    const compact = compactFromDer(signature)
    if (compact === undefined) return false
    const web = subtle()
    imported ??= web.importKey('raw', owned(point), curve, false, ['verify'])
    return web.verify(scheme, await imported, owned(compact), owned(data))
  }
}

async function fromKey(key: CryptoKey): Promise<PrivateParts> {
  const web = subtle()
  const { d, x, y } = await web.exportKey('jwk', key)
  const point = Uint8Array.of(4, ...fromBase64url(x), ...fromBase64url(y))
  return {
    raw: sec1(fromBase64url(d), point),
    publicRaw: pkixFromPoint(point),
    sign: async (data) => derFromCompact(new Uint8Array(await web.sign(scheme, key, owned(data))))
  }
}

async function importPrivate(raw: Uint8Array): Promise<PrivateParts> {
  const { scalar, point } = parseSec1(raw)
  const version = der(tags.integer, Uint8Array.of(0))
  const wrapped = der(tags.sequence, version, ecAlgorithm, der(tags.octetString, sec1(scalar, point)))
  const web = subtle()
  let parts: PrivateParts
  try {
    parts = await fromKey(await web.importKey('pkcs8', owned(wrapped), curve, true, ['sign']))
  } catch (cause) {
    throw invalidKey('ECDSA private key does not import', cause)
  }
  // Not every browser compares the public half with the private one.
  if (!(await importPublic(parts.publicRaw)(raw, await parts.sign(raw)))) {
    throw invalidKey('ECDSA private key does not belong to the public key beside it')
  }
  return parts
}

async function generate(): Promise<PrivateParts> {
  const { privateKey } = await subtle().generateKey(curve, true, ['sign', 'verify'])
  return fromKey(privateKey)
}

export const ecdsa: Algorithm = { importPublic, importPrivate, generate }
