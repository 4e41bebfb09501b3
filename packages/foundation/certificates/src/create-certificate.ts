import { PeerloomError } from '@peerloom/interface'
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import type { Extension } from './certificate.ts'
import { der, tags } from '@peerloom/identity/der'
import { derBitString, derObjectId, derTime } from './der-writer.ts'

export interface CreateCertificateOptions {
  /** Milliseconds since the epoch; a certificate tells seconds. */
  readonly notBefore: number
  readonly notAfter: number
  /** A P-256 key. Default: a new one. */
  readonly privateKey?: KeyObject
  /** Subject and issuer. Default: a serial number as the subject's only attribute, which betrays nothing. */
  readonly commonName?: string
  readonly extensions?: readonly Extension[]
}

/** A certificate of ours, with the key that signed it. */
export interface OwnCertificate {
  readonly der: Uint8Array
  readonly pem: string
  readonly privateKey: KeyObject
  /** PKCS#8. */
  readonly privateKeyPem: string
  /** Milliseconds since the epoch, to the second. */
  readonly notBefore: number
  readonly notAfter: number
}

const ecdsaWithSha256 = der(tags.sequence, derObjectId('1.2.840.10045.4.3.2'))
const commonNameId = '2.5.4.3'
const serialNumberId = '2.5.4.5'
const version3 = der(tags.context0, der(tags.integer, Uint8Array.of(2)))

/** A new P-256 key for a certificate. */
export function generateCertificateKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
}

/** SubjectPublicKeyInfo of a private key, in DER. */
export function publicKeyOf(privateKey: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }))
}

/** Makes a self-signed certificate: P-256, ECDSA with SHA-256. */
export function createCertificate(options: CreateCertificateOptions): OwnCertificate {
  const { privateKey = generateCertificateKey(), commonName, extensions = [] } = options
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', 'a certificate is made with a P-256 key')
  }
  const serial = randomBytes(8)
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40 // positive, and never shorter
  const name =
    commonName === undefined
      ? distinguishedName(serialNumberId, String(serial.readBigUInt64BE()))
      : distinguishedName(commonNameId, commonName)
  const [notBefore, notAfter] = [toSecond(options.notBefore), toSecond(options.notAfter)]
  const parts = [
    version3,
    der(tags.integer, serial),
    ecdsaWithSha256,
    name,
    der(tags.sequence, derTime(notBefore), derTime(notAfter)),
    name,
    publicKeyOf(privateKey)
  ]
  if (extensions.length > 0) parts.push(der(tags.context3, der(tags.sequence, ...extensions.map(encodeExtension))))
  const signed = der(tags.sequence, ...parts)
  const signature = derBitString(sign('sha256', signed, privateKey))
  const bytes = der(tags.sequence, signed, ecdsaWithSha256, signature)
  return {
    der: bytes,
    pem: toPem('CERTIFICATE', bytes),
    privateKey,
    privateKeyPem: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    notBefore,
    notAfter
  }
}

/** Text armour of RFC 7468. */
export function toPem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

const toSecond = (ms: number): number => Math.floor(ms / 1000) * 1000

function distinguishedName(attribute: string, value: string): Uint8Array {
  const text = der(tags.utf8String, new TextEncoder().encode(value))
  return der(tags.sequence, der(tags.set, der(tags.sequence, derObjectId(attribute), text)))
}

function encodeExtension({ objectId, critical, value }: Extension): Uint8Array {
  const parts = [derObjectId(objectId), der(tags.octetString, value)]
  if (critical) parts.splice(1, 0, der(tags.boolean, Uint8Array.of(0xff)))
  return der(tags.sequence, ...parts)
}
