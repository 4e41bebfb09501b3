import { publicKeyFromProtobuf } from '@peerloom/identity'
import { type NodeContext, PeerloomError, type PublicKey, toError } from '@peerloom/interface'
import type { KeyObject } from 'node:crypto'
import { type Certificate, type Extension, parseCertificate } from './certificate.ts'
import { createCertificate, generateCertificateKey, type OwnCertificate, publicKeyOf } from './create-certificate.ts'
import { der, tags } from '@peerloom/identity/der'
import { CertificateReader } from './der-reader.ts'
import { isSelfSigned } from './self-signature.ts'

/** The libp2p public key extension (tls specification, "libp2p Public Key Extension"). */
export const peerExtensionId = '1.3.6.1.4.1.53594.1.1'

const signaturePrefix = new TextEncoder().encode('libp2p-tls-handshake:')
const basicConstraintsId = '2.5.29.19'
const keyUsageId = '2.5.29.15'
/** The first bit of KeyUsage (RFC 5280, 4.2.1.3): may sign handshakes. */
const digitalSignature = 0x80

export interface PeerCertificateOptions {
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  /** A P-256 key. Default: a new one. */
  readonly privateKey?: KeyObject
}

/** What a certificate proved about a peer. */
export interface PeerIdentity {
  readonly publicKey: PublicKey
  /** How long it proves that, in milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
}

/** Makes a certificate that proves a node's identity (tls specification, "Peer Authentication"). */
export async function createPeerCertificate(
  node: Pick<NodeContext, 'publicKey' | 'sign'>,
  options: PeerCertificateOptions
): Promise<OwnCertificate> {
  const { privateKey = generateCertificateKey(), notBefore, notAfter } = options
  const extension = await createPeerExtension(node, publicKeyOf(privateKey))
  return createCertificate({ notBefore, notAfter, privateKey, extensions: [extension] })
}

/** The extension in which a node's identity key vouches for the key of a certificate (its SubjectPublicKeyInfo in DER). */
export async function createPeerExtension(
  node: Pick<NodeContext, 'publicKey' | 'sign'>,
  certificateKey: Uint8Array
): Promise<Extension> {
  const signature = await node.sign(signedData(certificateKey))
  const value = der(tags.sequence, der(tags.octetString, node.publicKey.protobuf), der(tags.octetString, signature))
  return { objectId: peerExtensionId, critical: false, value }
}

/**
 * Checks all that the tls specification asks of a peer's certificate: validity at `now`, no critical extension but known
 * ones, its own signature, and that of the identity key. That the peer has the certificate's private key is for the
 * handshake to prove, and that it sent no second certificate for the caller. Rejects with ERR_SECURITY.
 */
export async function verifyPeerCertificate(bytes: Uint8Array, now: number): Promise<PeerIdentity> {
  const certificate = parse(bytes)
  const { notBefore, notAfter } = certificate
  checkValidity(certificate, now)
  const extension = findExtension(certificate)
  const { publicKey, signature } = readSignedKey(extension.value)
  if (!isSelfSigned(certificate))
    throw refused('the certificate is not signed with its own key, or in a way that is not taken')
  if (!(await publicKey.verify(signedData(certificate.publicKey), signature))) {
    throw refused('the identity key did not sign the key of the certificate')
  }
  return { publicKey, notBefore, notAfter }
}

/** Throws ERR_SECURITY when `now` is outside the validity of a certificate. */
export function checkValidity({ notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>, now: number): void {
  if (now < notBefore) throw refused(`the certificate is not valid before ${new Date(notBefore).toISOString()}`)
  // A certificate tells seconds, and is valid through the last of them.
  if (now >= notAfter + 1000) throw refused(`the certificate expired at ${new Date(notAfter).toISOString()}`)
}

const refused = (message: string, cause?: unknown): PeerloomError =>
  new PeerloomError('ERR_SECURITY', message, { cause, remote: true })

function parse(bytes: Uint8Array): Certificate {
  try {
    return parseCertificate(bytes)
  } catch (cause) {
    throw refused(`the certificate is malformed: ${toError(cause).message}`, cause)
  }
}

function findExtension({ extensions }: Certificate): Extension {
  let found: Extension | undefined
  for (const extension of extensions) {
    if (extension.objectId === peerExtensionId) found = extension
    else if (extension.critical && !isUnderstood(extension)) {
      throw refused(`the certificate has the unknown critical extension ${extension.objectId}`)
    }
  }
  if (found === undefined) throw refused('the certificate has no libp2p public key extension')
  return found
}

/** Constraints on issuing mean nothing here; a key usage has to allow signing. */
function isUnderstood({ objectId, value }: Extension): boolean {
  if (objectId === basicConstraintsId) return true
  if (objectId !== keyUsageId) return false
  try {
    const usage = new CertificateReader(value).read(tags.bitString)
    return ((usage[1] ?? 0) & digitalSignature) !== 0
  } catch {
    return false
  }
}

function readSignedKey(value: Uint8Array): { publicKey: PublicKey; signature: Uint8Array } {
  try {
    const outer = new CertificateReader(value)
    const signedKey = outer.nested(tags.sequence)
    outer.end()
    const publicKey = publicKeyFromProtobuf(signedKey.read(tags.octetString))
    const signature = signedKey.read(tags.octetString)
    signedKey.end()
    return { publicKey, signature }
  } catch (cause) {
    throw refused(`the libp2p public key extension is malformed: ${toError(cause).message}`, cause)
  }
}

function signedData(certificateKey: Uint8Array): Uint8Array {
  const data = new Uint8Array(signaturePrefix.length + certificateKey.length)
  data.set(signaturePrefix)
  data.set(certificateKey, signaturePrefix.length)
  return data
}
