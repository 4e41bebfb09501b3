import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { Certificate } from './certificate.ts'
import { tags } from '@peerloom/identity/der'
import { CertificateReader, malformed } from './der-reader.ts'

interface Scheme {
  /** Types of key, as node:crypto names them. */
  readonly keys: readonly string[]
  /** Undefined for the schemes that bring their own. */
  readonly hash?: string
  readonly saltLength?: number
}

const rsaPss = '1.2.840.113549.1.1.10'
const maskByHash = '1.2.840.113549.1.1.8'
const ecPublicKey = '1.2.840.10045.2.1'

/** No hash of less than 256 bits: collisions in it would move a signature to another certificate. */
const hashes: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512'
}

const schemes: Readonly<Record<string, Scheme>> = {
  '1.2.840.10045.4.3.2': { keys: ['ec'], hash: 'sha256' },
  '1.2.840.10045.4.3.3': { keys: ['ec'], hash: 'sha384' },
  '1.2.840.10045.4.3.4': { keys: ['ec'], hash: 'sha512' },
  '1.2.840.113549.1.1.11': { keys: ['rsa'], hash: 'sha256' },
  '1.2.840.113549.1.1.12': { keys: ['rsa'], hash: 'sha384' },
  '1.2.840.113549.1.1.13': { keys: ['rsa'], hash: 'sha512' },
  '1.3.101.112': { keys: ['ed25519'] },
  '1.3.101.113': { keys: ['ed448'] }
}

const curves = ['prime256v1', 'secp384r1', 'secp521r1']
const rsaBits = { smallest: 2048, largest: 8192 }
const largestExponent = 2n ** 31n - 1n

/**
 * Whether the certificate is signed with its own key. Takes ECDSA on P-256, P-384 and P-521, RSA of 2048 to 8192 bits in
 * both paddings, Ed25519 and Ed448; with hashes of 256 bits and more. False for every other.
 */
export function isSelfSigned(certificate: Certificate): boolean {
  try {
    const scheme = readScheme(certificate.signatureAlgorithm)
    const key = scheme && importKey(certificate.publicKey)
    if (key === undefined || !scheme?.keys.includes(key.asymmetricKeyType ?? '')) return false
    const { hash, saltLength } = scheme
    const padding = saltLength === undefined ? {} : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }
    return verify(hash, certificate.signedBytes, { key, ...padding }, certificate.signature)
  } catch {
    return false // malformed parameters, or a key that does not import
  }
}

function importKey(publicKey: Uint8Array): KeyObject | undefined {
  const algorithm = new CertificateReader(publicKey).nested(tags.sequence).nested(tags.sequence)
  // Curves go by name: whoever sends the numbers of one can choose them.
  if (algorithm.objectId() === ecPublicKey && !algorithm.next(tags.objectId)) return undefined
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
  const { namedCurve, modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {}
  if (namedCurve !== undefined && !curves.includes(namedCurve)) return undefined
  if (modulusLength === undefined) return key
  if (modulusLength < rsaBits.smallest || modulusLength > rsaBits.largest) return undefined
  return publicExponent !== undefined && publicExponent <= largestExponent ? key : undefined
}

function readScheme(signatureAlgorithm: Uint8Array): Scheme | undefined {
  const algorithm = new CertificateReader(signatureAlgorithm).nested(tags.sequence)
  const name = algorithm.objectId()
  if (name === rsaPss) return readPss(algorithm.nested(tags.sequence))
  const scheme = schemes[name]
  // RFC 4055, 5: NULL for RSA. RFC 5758, 3.2 and RFC 8410, 3: nothing for the others.
  if (scheme?.keys[0] === 'rsa' && algorithm.next(tags.null)) algorithm.read(tags.null)
  algorithm.end()
  return scheme
}

/** RSASSA-PSS-params (RFC 4055, 3.1): the hash also makes the mask. Their defaults are SHA-1, so none may be missing. */
function readPss(parameters: CertificateReader): Scheme {
  const hash = readHash(parameters.nested(tags.context0))
  const mask = parameters.nested(tags.context1).nested(tags.sequence)
  if (mask.objectId() !== maskByHash || readHash(mask) !== hash) throw malformed('another mask than by the same hash')
  const saltLength = parameters.nested(tags.context2).smallInteger()
  if (saltLength > 64) throw malformed(`a salt of ${saltLength} bytes`)
  parameters.end()
  return { keys: ['rsa', 'rsa-pss'], hash, saltLength }
}

function readHash(reader: CertificateReader): string {
  const hash = hashes[reader.nested(tags.sequence).objectId()]
  if (hash === undefined) throw malformed('a hash that is not taken')
  return hash
}
