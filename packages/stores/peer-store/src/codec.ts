import { ProtobufReader, ProtobufWriter } from '@peerloom/bounded'
import { publicKeyFromProtobuf } from '@peerloom/identity'
import type { PeerId } from '@peerloom/interface'
import { packBytes, unpackBytes } from './address.ts'
import { PeerRecord } from './record.ts'
import type { SharedLists } from './shared-lists.ts'

/**
 * How a peer is kept in a datastore: our own format, version 1.
 *
 * message Peer {
 *   uint32 version = 1; bytes publicKey = 2; repeated Address addresses = 3; repeated string protocols = 4;
 *   string agentVersion = 5; string protocolVersion = 6; repeated Tag tags = 7; repeated Metadata metadata = 8;
 *   bytes signedRecord = 9; uint64 recordSeq = 10;
 * }
 * message Address { bytes address = 1; bool certified = 2; uint64 expiresAt = 3; }  // 0: never
 * message Tag { string name = 1; uint64 value = 2; uint64 expiresAt = 3; }          // 0: never
 * message Metadata { string key = 1; bytes value = 2; }
 */
const version = 1

const encodeTime = (time: number): number => (time === Number.POSITIVE_INFINITY ? 0 : Math.ceil(time))
const decodeTime = (time: bigint): number =>
  time === 0n || time > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(time)
/** What the bounds of a store let through, also of one with larger bounds than ours. */
const maxFields = 1 << 20

export function encodePeer(record: PeerRecord): Uint8Array {
  const writer = new ProtobufWriter().uint64(1, version)
  // Keys that are inlined in the id need no second copy.
  if (record.publicKey !== undefined && record.id.publicKey === undefined) writer.bytes(2, record.publicKey.protobuf)
  for (const [key, { certified, expiresAt }] of record.addresses ?? []) {
    const entry = new ProtobufWriter().bytes(1, unpackBytes(key)).bool(2, certified).uint64(3, encodeTime(expiresAt))
    writer.bytes(3, entry.finish())
  }
  for (const protocol of record.protocols) writer.string(4, protocol)
  if (record.agentVersion !== undefined) writer.string(5, record.agentVersion)
  if (record.protocolVersion !== undefined) writer.string(6, record.protocolVersion)
  for (const [name, { value, expiresAt }] of record.tags ?? []) {
    writer.bytes(7, new ProtobufWriter().string(1, name).uint64(2, value).uint64(3, encodeTime(expiresAt)).finish())
  }
  for (const [key, value] of record.metadata ?? []) {
    writer.bytes(8, new ProtobufWriter().string(1, key).bytes(2, value).finish())
  }
  if (record.signedRecord !== undefined) writer.bytes(9, record.signedRecord)
  if (record.recordSeq !== undefined) writer.uint64(10, record.recordSeq)
  return writer.finish()
}

/** Throws when the bytes are not a peer of this version. */
export function decodePeer(id: PeerId, bytes: Uint8Array, lists: SharedLists): PeerRecord {
  const record = new PeerRecord(id)
  const reader = new ProtobufReader(bytes, { maxFields, maxDepth: 1 })
  const protocols: string[] = []
  let seen = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case 1:
        seen = reader.uint32()
        break
      case 2:
        record.publicKey = publicKeyFromProtobuf(reader.bytes())
        break
      case 3:
        readAddress(record, reader.message())
        break
      case 4:
        protocols.push(reader.string())
        break
      case 5:
        record.agentVersion = reader.string()
        break
      case 6:
        record.protocolVersion = reader.string()
        break
      case 7:
        readTag(record, reader.message())
        break
      case 8:
        readMetadata(record, reader.message())
        break
      case 9:
        record.signedRecord = reader.bytes().slice()
        break
      case 10:
        record.recordSeq = reader.uint64()
        break
      default:
        reader.skip()
    }
  }
  if (seen !== version) throw new Error(`a peer of format ${seen}`)
  record.protocols = lists.share(protocols)
  return record
}

function readAddress(record: PeerRecord, reader: ProtobufReader): void {
  let [address, certified, expiresAt]: [Uint8Array | undefined, boolean, number] = [undefined, false, 0]
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) address = reader.bytes()
    else if (field === 2) certified = reader.bool()
    else if (field === 3) expiresAt = decodeTime(reader.uint64())
    else reader.skip()
  }
  if (address === undefined) return
  record.addresses ??= new Map()
  record.addresses.set(packBytes(address), { certified, expiresAt })
}

function readTag(record: PeerRecord, reader: ProtobufReader): void {
  let [name, value, expiresAt] = ['', 0, 0]
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.string()
    else if (field === 2) value = reader.uint32()
    else if (field === 3) expiresAt = decodeTime(reader.uint64())
    else reader.skip()
  }
  record.tags ??= new Map()
  record.tags.set(name, Object.freeze({ value, expiresAt }))
}

function readMetadata(record: PeerRecord, reader: ProtobufReader): void {
  let [key, value]: [string, Uint8Array] = ['', new Uint8Array(0)]
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.string()
    else if (field === 2) value = reader.bytes().slice()
    else reader.skip()
  }
  record.metadata ??= new Map()
  record.metadata.set(key, value)
}
