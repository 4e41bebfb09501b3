import type { Multiaddr } from '@multiformats/multiaddr'

/** In the order of the protobuf enum of the peer-ids specification: RSA 0, Ed25519 1, secp256k1 2, ECDSA 3. */
export type KeyType = 'RSA' | 'Ed25519' | 'secp256k1' | 'ECDSA'

export interface PublicKey {
  readonly type: KeyType
  /** Ed25519: 32 bytes; secp256k1: 33 bytes compressed; RSA and ECDSA: PKIX DER. */
  readonly raw: Uint8Array
  /** The deterministic protobuf of the peer-ids specification. */
  readonly protobuf: Uint8Array
  /**
   * False for a wrong or malformed signature, never an error for one. At once where the platform can (Node), so that whoever
   * verifies thousands a second does not wait thousands of times.
   */
  verify(data: Uint8Array, signature: Uint8Array): boolean | Promise<boolean>
  equals(other: PublicKey): boolean
}

export interface PrivateKey {
  readonly type: KeyType
  /** Ed25519: 64 bytes, seed then public key; secp256k1: 32 bytes; RSA: PKCS#1 DER; ECDSA: SEC1 DER. */
  readonly raw: Uint8Array
  readonly publicKey: PublicKey
  readonly protobuf: Uint8Array
  sign(data: Uint8Array): Promise<Uint8Array>
}

export interface PeerId {
  /** Known at once for keys that are inlined in the id (Ed25519, secp256k1), else when a handshake has shown it. */
  readonly publicKey: PublicKey | undefined
  /** The multihash. */
  readonly bytes: Uint8Array
  /** base58btc, `12D3Koo…` or `Qm…`. Use it as a map key. */
  toString(): string
  /** CIDv1, libp2p-key, base32. */
  toCid(): string
  equals(other: PeerId): boolean
}

/** Where a peer was found: what discovery and routing give. */
export interface PeerInfo {
  readonly id: PeerId
  readonly addresses: readonly Multiaddr[]
}
