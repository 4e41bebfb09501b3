/**
 * Self-signed X.509 certificates: making them, reading them within bounds, and the libp2p extension that puts a peer's
 * identity into one (tls specification). Shared by TLS, QUIC, WebTransport and WebRTC. Node only.
 */
export { maxCertificateBytes, parseCertificate } from './certificate.ts'
export type { Certificate, Extension } from './certificate.ts'
export { certificateHash } from './certificate-hash.ts'
export { createCertificate, generateCertificateKey, publicKeyOf, toPem } from './create-certificate.ts'
export type { CreateCertificateOptions, OwnCertificate } from './create-certificate.ts'
export {
  checkValidity,
  createPeerCertificate,
  createPeerExtension,
  peerExtensionId,
  verifyPeerCertificate
} from './peer-certificate.ts'
export type { PeerCertificateOptions, PeerIdentity } from './peer-certificate.ts'
export { isSelfSigned } from './self-signature.ts'
