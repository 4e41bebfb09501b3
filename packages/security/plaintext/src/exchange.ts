import { ProtobufReader, ProtobufWriter } from '@peerloom/bounded'
import { peerIdFromBytes, peerIdFromPublicKey, publicKeyFromProtobuf } from '@peerloom/identity'
import { type PeerId, PeerloomError, type PublicKey, toError } from '@peerloom/interface'

/** message Exchange { bytes id = 1; PublicKey pubkey = 2; } (plaintext specification) */
export function encodeExchange(id: PeerId, key: PublicKey): Uint8Array {
  return new ProtobufWriter().bytes(1, id.bytes).bytes(2, key.protobuf).finish()
}

/** Who the remote says it is, after checking that id and key belong together. Throws ERR_SECURITY. */
export function decodeExchange(bytes: Uint8Array): { readonly remotePeer: PeerId; readonly remoteKey: PublicKey } {
  let id: Uint8Array | undefined
  let key: Uint8Array | undefined
  let claimed: PeerId
  let remoteKey: PublicKey
  try {
    const reader = new ProtobufReader(bytes, { maxFields: 16, maxDepth: 0 })
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) id = reader.bytes()
      else if (field === 2) key = reader.bytes()
      else reader.skip()
    }
    if (id === undefined || key === undefined) throw new PeerloomError('ERR_DECODE', 'id or key is missing')
    claimed = peerIdFromBytes(id)
    remoteKey = publicKeyFromProtobuf(key)
  } catch (cause) {
    const { message } = toError(cause)
    throw new PeerloomError('ERR_SECURITY', `plaintext: malformed exchange: ${message}`, { cause, remote: true })
  }
  const remotePeer = peerIdFromPublicKey(remoteKey)
  if (!claimed.equals(remotePeer)) {
    throw new PeerloomError('ERR_SECURITY', 'plaintext: the key does not belong to the id', { remote: true })
  }
  return { remotePeer, remoteKey }
}
