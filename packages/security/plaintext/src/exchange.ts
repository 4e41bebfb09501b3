import { ProtobufReader, ProtobufWriter } from '@peerloom/bounded'
import { peerIdFromBytes, peerIdFromPublicKey, publicKeyFromProtobuf } from '@peerloom/identity'
import { type PeerId, PeerloomError, type PublicKey } from '@peerloom/interface'

/** message Exchange { bytes id = 1; PublicKey pubkey = 2; } (plaintext specification) */
export function encodeExchange(id: PeerId, key: PublicKey): Uint8Array {
  return new ProtobufWriter().bytes(1, id.bytes).bytes(2, key.protobuf).finish()
}

/** Who the remote says it is, after checking that id and key belong together. */
export function decodeExchange(bytes: Uint8Array): { readonly remotePeer: PeerId; readonly remoteKey: PublicKey } {
  const reader = new ProtobufReader(bytes, { maxFields: 16, maxDepth: 0 })
  let [id, key]: (Uint8Array | undefined)[] = []
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = reader.bytes()
    else if (field === 2) key = reader.bytes()
    else reader.skip()
  }
  if (id === undefined || key === undefined) {
    throw new PeerloomError('ERR_SECURITY', 'plaintext: id or key is missing', { remote: true })
  }
  const remoteKey = publicKeyFromProtobuf(key)
  const remotePeer = peerIdFromPublicKey(remoteKey)
  if (!peerIdFromBytes(id).equals(remotePeer)) {
    throw new PeerloomError('ERR_SECURITY', 'plaintext: the key does not belong to the id', { remote: true })
  }
  return { remotePeer, remoteKey }
}
