// What can be read of a QUIC packet without keys (RFC 8999, RFC 9000 section 17.2).

/** Ours are all of this length: a short header does not tell. */
export const connectionIdBytes = 16
const maxConnectionIdBytes = 20
export const quicVersion1 = 1
/** There are four kinds, and no reason to send two of one kind in a datagram. */
const maxCoalesced = 4
/** A datagram with a client's first packet is never smaller (section 14.1). */
export const minInitialBytes = 1200

export interface LongHeader {
  readonly version: number
  readonly isInitial: boolean
  readonly dcid: Uint8Array
  readonly scid: Uint8Array
  /** Of an Initial of version 1; empty when there is none. */
  readonly token: Uint8Array
}

/** The id that a packet is for; undefined when it is too short to have one. */
export function destinationOf(packet: Uint8Array): Uint8Array | undefined {
  const first = packet[0]
  if (first === undefined) return undefined
  if ((first & 0x80) === 0) {
    return packet.length > connectionIdBytes ? packet.subarray(1, 1 + connectionIdBytes) : undefined
  }
  const length = packet[5]
  if (length === undefined || length > maxConnectionIdBytes || packet.length < 6 + length) return undefined
  return packet.subarray(6, 6 + length)
}

/** Undefined for a short header, and for whatever is malformed. */
export function readLongHeader(packet: Uint8Array): LongHeader | undefined {
  const first = packet[0]
  const dcid = destinationOf(packet)
  if (first === undefined || (first & 0x80) === 0 || dcid === undefined) return undefined
  const version = new DataView(packet.buffer, packet.byteOffset).getUint32(1)
  let at = 6 + dcid.length
  const scidBytes = packet[at++]
  if (scidBytes === undefined || scidBytes > maxConnectionIdBytes || packet.length < at + scidBytes) return undefined
  const scid = packet.subarray(at, at + scidBytes)
  at += scidBytes
  const isInitial = version === quicVersion1 && (first & 0x70) === 0x40
  if (!isInitial) return { version, isInitial, dcid, scid, token: empty }
  const [tokenBytes, next] = readVarint(packet, at)
  if (tokenBytes === undefined || packet.length < next + tokenBytes) return undefined
  return { version, isInitial, dcid, scid, token: packet.subarray(next, next + tokenBytes) }
}

const empty = new Uint8Array(0)

/**
 * The packets of a datagram (section 12.2). One that cannot be taken apart is given as it is, and so is what follows a short
 * header, which has no length.
 */
export function packetsOf(datagram: Uint8Array): Uint8Array[] {
  const packets: Uint8Array[] = []
  let rest = datagram
  while (rest.length > 0) {
    const end = packets.length < maxCoalesced ? endOfPacket(rest) : rest.length
    packets.push(rest.subarray(0, end))
    rest = rest.subarray(end)
  }
  return packets
}

function endOfPacket(bytes: Uint8Array): number {
  const first = bytes[0] as number
  const header = readLongHeader(bytes)
  // Retry has no length either (section 17.2.5).
  if (header === undefined || header.version !== quicVersion1 || (first & 0x30) === 0x30) return bytes.length
  const { dcid, scid, token, isInitial } = header
  const tokenAt = 7 + dcid.length + scid.length
  const lengthAt = isInitial ? readVarint(bytes, tokenAt)[1] + token.length : tokenAt
  const [length, start] = readVarint(bytes, lengthAt)
  return length === undefined ? bytes.length : Math.min(start + length, bytes.length)
}

/** A variable-length integer (section 16), rounded above 2^53, and where it ends; undefined when it is cut off. */
export function readVarint(bytes: Uint8Array, at: number): [value: number | undefined, next: number] {
  const first = bytes[at]
  if (first === undefined) return [undefined, at]
  const length = 1 << (first >> 6)
  if (at + length > bytes.length) return [undefined, at]
  let value = first & 0x3f
  for (let index = 1; index < length; index++) value = value * 256 + (bytes[at + index] as number)
  return [value, at + length]
}
