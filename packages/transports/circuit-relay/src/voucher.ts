import { ProtobufReader, ProtobufWriter } from '@peerloom/bounded'
import { openEnvelope, peerIdFromBytes, peerIdFromPublicKey, sealEnvelope, type SealOptions } from '@peerloom/identity'
import { type PeerId, PeerloomError } from '@peerloom/interface'
import { maxMessageBytes } from './constants.ts'

const domain = 'libp2p-relay-rsvp'
const payloadType: Uint8Array = Uint8Array.of(0x03, 0x02)

/** A relay's word that it serves a peer (circuit-v2.md, reservation vouchers). */
export interface Voucher {
  readonly relay: PeerId
  readonly peer: PeerId
  /** Seconds since the epoch. */
  readonly expiration: bigint
}

/** The voucher in an envelope that the relay signs. */
export function sealVoucher(signer: SealOptions['privateKey'], voucher: Voucher): Promise<Uint8Array> {
  const payload = new ProtobufWriter()
    .bytes(1, voucher.relay.bytes)
    .bytes(2, voucher.peer.bytes)
    .uint64(3, voucher.expiration)
    .finish()
  return sealEnvelope({ privateKey: signer, domain, payloadType, payload })
}

/**
 * Opens a voucher: signature first, then that the relay it names is the one that signed. Rejects like `openEnvelope`, with
 * ERR_INVALID_RECORD for what is no voucher or another relay's.
 */
export async function openVoucher(bytes: Uint8Array): Promise<Voucher> {
  const { publicKey, payload } = await openEnvelope(bytes, domain, payloadType, { maxBytes: maxMessageBytes })
  const voucher = decode(payload)
  if (!peerIdFromPublicKey(publicKey).equals(voucher.relay)) {
    throw new PeerloomError('ERR_INVALID_RECORD', `voucher of ${voucher.relay} that another peer signed`, {
      remote: true
    })
  }
  return voucher
}

function decode(payload: Uint8Array): Voucher {
  let relay = new Uint8Array(0)
  let peer = new Uint8Array(0)
  let expiration = 0n
  try {
    const reader = new ProtobufReader(payload, { maxFields: 16, maxDepth: 0 })
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) relay = reader.bytes().slice()
      else if (field === 2) peer = reader.bytes().slice()
      else if (field === 3) expiration = reader.uint64()
      else reader.skip()
    }
    return { relay: peerIdFromBytes(relay), peer: peerIdFromBytes(peer), expiration }
  } catch (cause) {
    throw new PeerloomError('ERR_INVALID_RECORD', 'voucher does not decode', { cause, remote: true })
  }
}
