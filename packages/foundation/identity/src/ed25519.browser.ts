import { expectLength } from './algorithm.ts'
import type { Algorithm, PrivateParts, Verify } from './algorithm.ts'
import { joinEd25519, parseEd25519, pkcs8Head } from './ed25519-raw.ts'
import { fromBase64url, owned } from './web-crypto.ts'

const name = 'Ed25519'

/** Loaded only where WebCrypto has no Ed25519: in old browsers, and on pages that are not served over https. */
const loadCurve = async () => (await import('@noble/curves/ed25519.js')).ed25519

let native: Promise<SubtleCrypto | undefined> | undefined

/** Tries once whether the browser can do it. */
function nativeCrypto(): Promise<SubtleCrypto | undefined> {
  native ??= (async () => {
    const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle
    try {
      await subtle?.generateKey(name, false, ['sign'])
      return subtle
    } catch {
      return undefined
    }
  })()
  return native
}

const importSeed = (subtle: SubtleCrypto, seed: Uint8Array): Promise<CryptoKey> =>
  subtle.importKey('pkcs8', Uint8Array.of(...pkcs8Head, ...seed), name, true, ['sign'])

function importPublic(raw: Uint8Array): Verify {
  expectLength('Ed25519', 'public key', raw, 32)
  let imported: Promise<CryptoKey> | undefined
  return async (data, signature) => {
    if (signature.length !== 64) return false
    const subtle = await nativeCrypto()
    if (subtle === undefined) {
      const curve = await loadCurve()
      try {
        return curve.verify(signature, data, raw, { zip215: false })
      } catch {
        return false
      }
    }
    imported ??= subtle.importKey('raw', owned(raw), name, false, ['verify'])
    try {
      return await subtle.verify(name, await imported, owned(signature), owned(data))
    } catch {
      return false
    }
  }
}

async function fromSeed(seed: Uint8Array, claimed?: Uint8Array): Promise<PrivateParts> {
  const subtle = await nativeCrypto()
  if (subtle === undefined) {
    const curve = await loadCurve()
    const raw = joinEd25519(seed, curve.getPublicKey(seed), claimed)
    return { raw, publicRaw: raw.slice(32), sign: (data) => curve.sign(data, raw.subarray(0, 32)) }
  }
  const key = await importSeed(subtle, seed)
  const { x } = await subtle.exportKey('jwk', key)
  const raw = joinEd25519(seed, fromBase64url(x), claimed)
  const sign = async (data: Uint8Array): Promise<Uint8Array> =>
    new Uint8Array(await subtle.sign(name, key, owned(data)))
  return { raw, publicRaw: raw.slice(32), sign }
}

async function importPrivate(raw: Uint8Array): Promise<PrivateParts> {
  const { seed, publicRaw } = parseEd25519(raw)
  return fromSeed(seed, publicRaw)
}

export const ed25519: Algorithm = {
  importPublic,
  importPrivate,
  generate: () => fromSeed(crypto.getRandomValues(new Uint8Array(32)))
}
