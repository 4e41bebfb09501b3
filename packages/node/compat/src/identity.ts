import {
  privateKeyFromProtobuf,
  publicKeyFromProtobuf as theirPublicKey,
  publicKeyToProtobuf
} from '@libp2p/crypto/keys'
import type {
  PeerId as TheirPeerId,
  PrivateKey as TheirPrivateKey,
  PublicKey as TheirPublicKey
} from '@libp2p/interface'
import { peerIdFromPublicKey as theirPeerIdFromKey, peerIdFromString } from '@libp2p/peer-id'
import { parsePeerId, publicKeyFromProtobuf } from '@peerloom/identity'
import { type NodeContext, type PeerId, PeerloomError, type PrivateKey, type PublicKey } from '@peerloom/interface'

export const toTheirKey = (key: PublicKey): TheirPublicKey => theirPublicKey(key.protobuf)

export const fromTheirKey = (key: TheirPublicKey): PublicKey => publicKeyFromProtobuf(publicKeyToProtobuf(key))

export function toTheirPeerId(peer: PeerId): TheirPeerId {
  return peer.publicKey === undefined
    ? peerIdFromString(peer.toString())
    : theirPeerIdFromKey(toTheirKey(peer.publicKey))
}

export const fromTheirPeerId = (peer: TheirPeerId): PeerId => parsePeerId(peer.toString())

/**
 * A private key that can sign and no more: a Peerloom module never sees the node's key, and neither does a borrowed one
 * unless the application hands it over.
 */
export function toTheirPrivateKey(node: NodeContext, key: PrivateKey | undefined): TheirPrivateKey {
  if (key !== undefined) return privateKeyFromProtobuf(key.protobuf)
  const signer = {
    type: node.publicKey.type,
    publicKey: toTheirKey(node.publicKey),
    get raw(): Uint8Array {
      throw new PeerloomError(
        'ERR_INVALID_ARGUMENT',
        'the js-libp2p module wants the bytes of the private key: give fromLibp2p(…, { privateKey })'
      )
    },
    equals: (other?: unknown): boolean => other === signer,
    sign: (data: Uint8Array | { subarray(): Uint8Array }): Promise<Uint8Array> => node.sign(data.subarray())
  }
  return signer as unknown as TheirPrivateKey
}
