/** Keys, peer ids, signed envelopes, peer records; the keychain is an entry of its own. This entry is for browsers: WebCrypto and noble. */
import { sha256 } from '@noble/hashes/sha2.js'
import { ecdsa } from './ecdsa.browser.ts'
import { ed25519 } from './ed25519.browser.ts'
import { setPlatform } from './platform.ts'
import { rsa } from './rsa.browser.ts'
import { secp256k1 } from './secp256k1.browser.ts'

setPlatform({ algorithms: { RSA: rsa, Ed25519: ed25519, secp256k1, ECDSA: ecdsa }, sha256 })

export {
  generateKey,
  privateKeyFromProtobuf,
  privateKeyFromRaw,
  publicKeyFromProtobuf,
  publicKeyFromRaw
} from './keys.ts'
export type { GenerateOptions } from './algorithm.ts'
export { parsePeerId, peerIdFromBytes, peerIdFromPrivateKey, peerIdFromPublicKey } from './peer-id.ts'
export { sha256 } from './sha256.ts'
export { openEnvelope, sealEnvelope } from './envelope.ts'
export type { Envelope, OpenOptions, SealOptions } from './envelope.ts'
export {
  encodePeerRecord,
  openPeerRecord,
  peerRecordDomain,
  peerRecordPayloadType,
  sealPeerRecord
} from './peer-record.ts'
export type { OpenedPeerRecord, PeerRecord, SealPeerRecordOptions } from './peer-record.ts'
