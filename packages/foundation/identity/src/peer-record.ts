import type { Multiaddr } from '@multiformats/multiaddr'
import { ProtobufReader, ProtobufWriter } from '@peerloom/bounded'
import { PeerloomError } from '@peerloom/interface'
import type { PeerId, PrivateKey, PublicKey } from '@peerloom/interface'
import { openEnvelope, sealEnvelope } from './envelope.ts'
import type { OpenOptions } from './envelope.ts'
import { equalBytes } from './equal-bytes.ts'
import { peerIdFromPrivateKey, peerIdFromPublicKey } from './peer-id.ts'

/** What the network uses. The text of RFC 0003 says otherwise, and no implementation follows it by default. */
export const peerRecordDomain = 'libp2p-peer-record'
export const peerRecordPayloadType: Uint8Array = Uint8Array.of(0x03, 0x01)

const defaults = { maxBytes: 16_384 }
const maxAddresses = 1000
/** Writing a component in base58 takes the square of its length. */
const maxAddressBytes = 512

export interface PeerRecord {
  readonly peerId: PeerId
  /** Grows with every new record of a peer. */
  readonly seq: bigint
  readonly addresses: readonly Multiaddr[]
}

export interface OpenedPeerRecord extends PeerRecord {
  readonly publicKey: PublicKey
}

export interface SealPeerRecordOptions {
  /**
   * Must be over that of the peer's last record, also across restarts. go-libp2p takes nanoseconds since the epoch:
   * `BigInt(clock.now()) * 1_000_000n` is in step with that.
   */
  readonly seq: bigint
  readonly addresses: readonly Multiaddr[]
}

/** The payload of a peer record (RFC 0003), not signed yet. Empty addresses are left out. */
export function encodePeerRecord(record: PeerRecord): Uint8Array {
  const writer = new ProtobufWriter().bytes(1, record.peerId.bytes).uint64(2, record.seq)
  for (const address of record.addresses) {
    if (address.bytes.length > 0) writer.bytes(3, new ProtobufWriter().bytes(1, address.bytes).finish())
  }
  return writer.finish()
}

/** The addresses of the key's peer in an envelope that others can verify. */
export async function sealPeerRecord(privateKey: PrivateKey, options: SealPeerRecordOptions): Promise<Uint8Array> {
  const payload = encodePeerRecord({ peerId: peerIdFromPrivateKey(privateKey), ...options })
  return sealEnvelope({ privateKey, domain: peerRecordDomain, payloadType: peerRecordPayloadType, payload })
}

/**
 * Opens an envelope (at most 16 KiB by default) with a peer record: signature first, then the payload, then that the
 * record is about the peer who signed it. As in go-libp2p, an address that is empty or does not parse (here also: over
 * 512 bytes) is left out and the record stands; over 1000 addresses are refused. Rejects like `openEnvelope`.
 */
export async function openPeerRecord(bytes: Uint8Array, options: OpenOptions = {}): Promise<OpenedPeerRecord> {
  const envelope = await openEnvelope(bytes, peerRecordDomain, peerRecordPayloadType, { ...defaults, ...options })
  const { publicKey } = envelope
  const peerId = peerIdFromPublicKey(publicKey)
  const { id, seq, addresses } = decode(envelope.payload)
  if (!equalBytes(id, peerId.bytes)) throw invalidRecord(`peer record of another peer, signed by ${peerId.toString()}`)
  return { peerId, publicKey, seq, addresses: await parseAddresses(addresses) }
}

function decode(payload: Uint8Array): { id: Uint8Array; seq: bigint; addresses: Uint8Array[] } {
  let id: Uint8Array = new Uint8Array(0)
  let seq = 0n
  const addresses: Uint8Array[] = []
  try {
    const reader = new ProtobufReader(payload)
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) id = reader.bytes()
      else if (field === 2) seq = reader.uint64()
      else if (field === 3) addresses.push(decodeAddress(reader.message()))
      else reader.skip()
    }
  } catch (cause) {
    throw invalidRecord('peer record does not decode', cause)
  }
  if (addresses.length > maxAddresses) throw invalidRecord(`peer record with ${addresses.length} addresses`)
  return { id, seq, addresses }
}

function decodeAddress(reader: ProtobufReader): Uint8Array {
  let address: Uint8Array = new Uint8Array(0)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) address = reader.bytes()
    else reader.skip()
  }
  return address
}

async function parseAddresses(encoded: readonly Uint8Array[]): Promise<Multiaddr[]> {
  // Loaded when it is first needed: it takes longer to start than the rest of this package.
  const { multiaddr } = await import('@multiformats/multiaddr')
  const addresses: Multiaddr[] = []
  for (const bytes of encoded) {
    if (bytes.length === 0 || bytes.length > maxAddressBytes) continue
    try {
      addresses.push(multiaddr(new Uint8Array(bytes)))
    } catch {
      // Left out: perhaps of a protocol that came after this version.
    }
  }
  return addresses
}

function invalidRecord(message: string, cause?: unknown): PeerloomError {
  return new PeerloomError('ERR_INVALID_RECORD', message, { cause, remote: true })
}
