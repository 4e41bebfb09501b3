import { tags } from '@peerloom/identity/der'
import { CertificateReader, malformed } from './der-reader.ts'

export interface Extension {
  /** In dotted form: `1.3.6.1.4.1.53594.1.1`. */
  readonly objectId: string
  readonly critical: boolean
  readonly value: Uint8Array
}

/** What a certificate says; nothing of it is proved. All bytes are views of the certificate's. */
export interface Certificate {
  /** The certificate itself, in DER. */
  readonly der: Uint8Array
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  /** SubjectPublicKeyInfo, in DER. */
  readonly publicKey: Uint8Array
  readonly extensions: readonly Extension[]
  /** TBSCertificate in DER: what the signature covers. */
  readonly signedBytes: Uint8Array
  /** AlgorithmIdentifier in DER. */
  readonly signatureAlgorithm: Uint8Array
  readonly signature: Uint8Array
}

/** The largest that anybody needs: RSA keys of 8192 bits, as host key and as certificate key, take 5 KiB. */
export const maxCertificateBytes: number = 16 * 1024

/**
 * Reads an X.509 certificate of version 3 (RFC 5280, 4.1) in strict DER. Takes time in proportion to its length. Throws
 * ERR_DECODE; also for an extension that comes twice, and for the unique ids that libp2p forbids.
 */
export function parseCertificate(bytes: Uint8Array): Certificate {
  if (bytes.length > maxCertificateBytes) throw malformed(`a certificate of ${bytes.length} bytes`)
  const outer = new CertificateReader(bytes)
  const certificate = outer.nested(tags.sequence)
  outer.end()
  const signedBytes = certificate.raw(tags.sequence)
  const signatureAlgorithm = certificate.raw(tags.sequence)
  const signature = certificate.bitString()
  certificate.end()

  const signed = new CertificateReader(signedBytes).nested(tags.sequence)
  const version = signed.nested(tags.context0)
  if (version.smallInteger() !== 2) throw malformed('the certificate is not of version 3')
  version.end()
  if (signed.read(tags.integer).length === 0) throw malformed('the serial number is empty')
  if (Buffer.compare(signed.raw(tags.sequence), signatureAlgorithm) !== 0) {
    throw malformed('the signature algorithm is not the one that was signed')
  }
  signed.read(tags.sequence) // issuer
  const validity = signed.nested(tags.sequence)
  const [notBefore, notAfter] = [readTime(validity), readTime(validity)]
  validity.end()
  signed.read(tags.sequence) // subject
  const publicKey = signed.raw(tags.sequence)
  // Unique ids, [1] and [2], are no part of what may follow.
  const extensions = signed.next(tags.context3) ? readExtensions(signed.nested(tags.context3)) : []
  signed.end()
  return { der: bytes, notBefore, notAfter, publicKey, extensions, signedBytes, signatureAlgorithm, signature }
}

function readExtensions(outer: CertificateReader): Extension[] {
  const list = outer.nested(tags.sequence)
  outer.end()
  const extensions: Extension[] = []
  const seen = new Set<string>()
  while (!list.isAtEnd) {
    const extension = list.nested(tags.sequence)
    const objectId = extension.objectId()
    if (seen.has(objectId)) throw malformed(`extension ${objectId} comes twice`)
    seen.add(objectId)
    const critical = extension.next(tags.boolean) && readBoolean(extension)
    const value = extension.read(tags.octetString)
    extension.end()
    extensions.push({ objectId, critical, value })
  }
  return extensions
}

/** False should have been left out, but there are encoders that write it. */
function readBoolean(reader: CertificateReader): boolean {
  const [value, ...more] = reader.read(tags.boolean)
  if (more.length > 0 || (value !== 0 && value !== 0xff)) throw malformed('a boolean that is neither true nor false')
  return value === 0xff
}

/** UTCTime `YYMMDDHHMMSSZ` stands for 1950 to 2049, GeneralizedTime is `YYYYMMDDHHMMSSZ` (RFC 5280, 4.1.2.5). */
function readTime(reader: CertificateReader): number {
  const short = reader.next(tags.utcTime)
  const bytes = reader.read(short ? tags.utcTime : tags.generalizedTime)
  const text = String.fromCharCode(...bytes.subarray(0, 16))
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(short ? (text < '5' ? '20' : '19') + text : text)
  if (match === null) throw malformed('a time in another form than RFC 5280 asks for')
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number)
  const time = new Date(0)
  time.setUTCFullYear(year, month - 1, day)
  time.setUTCHours(hour, minute, second)
  const exists = time.getUTCMonth() === month - 1 && time.getUTCDate() === day && hour < 24 && minute < 60
  if (!exists || second > 60) throw malformed('a time that does not exist')
  return time.getTime()
}
