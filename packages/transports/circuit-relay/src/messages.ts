import { ProtobufReader, ProtobufWriter } from '@peerloom/bounded'
import { PeerloomError } from '@peerloom/interface'
import type { Codec } from '@peerloom/streams'

/** What a relay allows on a circuit; zero is no limit. */
export interface LimitMessage {
  readonly durationSeconds: number
  /** In each direction. */
  readonly bytes: bigint
}

export interface ReservationMessage {
  /** Seconds since the epoch. */
  readonly expire: bigint
  /** The relay's own addresses, as bytes that nobody has looked at. */
  readonly addresses: readonly Uint8Array[]
  readonly voucher?: Uint8Array
}

/**
 * message HopMessage {
 *   Type type = 1 (RESERVE 0, CONNECT 1, STATUS 2); Peer peer = 2; Reservation reservation = 3; Limit limit = 4; Status status = 5;
 * }
 */
export interface HopMessage {
  readonly type: 'RESERVE' | 'CONNECT' | 'STATUS'
  /** The multihash of a peer id, not checked. */
  readonly peer?: Uint8Array
  readonly reservation?: ReservationMessage
  readonly limit?: LimitMessage
  readonly status?: number
}

/** message StopMessage { Type type = 1 (CONNECT 0, STATUS 1); Peer peer = 2; Limit limit = 3; Status status = 4; } */
export interface StopMessage {
  readonly type: 'CONNECT' | 'STATUS'
  readonly peer?: Uint8Array
  readonly limit?: LimitMessage
  readonly status?: number
}

/** Messages have at most 4 KiB, and an address in them takes at least four bytes. */
const decodeLimits = { maxFields: 1024, maxDepth: 2 }
/** Addresses of a relay that are kept. */
const maxAddresses = 32
/** Parsing a longer one takes the square of its length. */
const maxAddressBytes = 512

/** The field numbers of one of the two messages, and the names of its types. */
interface Layout<Type extends string> {
  readonly types: readonly Type[]
  readonly limit: number
  readonly status: number
}
const hop: Layout<HopMessage['type']> = { types: ['RESERVE', 'CONNECT', 'STATUS'], limit: 4, status: 5 }
const stop: Layout<StopMessage['type']> = { types: ['CONNECT', 'STATUS'], limit: 3, status: 4 }
const reservationField = 3

/** The codec of the hop protocol. `decode` throws ERR_DECODE. */
export const hopCodec: Codec<HopMessage> = {
  encode: (message) => {
    const writer = begin(hop, message)
    if (message.reservation !== undefined) writer.bytes(reservationField, encodeReservation(message.reservation))
    return finish(hop, writer, message)
  },
  decode: (bytes) => decode(hop, bytes, true)
}

/** The codec of the stop protocol. `decode` throws ERR_DECODE. */
export const stopCodec: Codec<StopMessage> = {
  encode: (message) => finish(stop, begin(stop, message), message),
  decode: (bytes) => decode(stop, bytes, false)
}

function begin<Type extends string>(layout: Layout<Type>, message: { type: Type; peer?: Uint8Array }): ProtobufWriter {
  const writer = new ProtobufWriter().uint64(1, layout.types.indexOf(message.type))
  if (message.peer !== undefined) writer.bytes(2, new ProtobufWriter().bytes(1, message.peer).finish())
  return writer
}

function finish(
  layout: Layout<string>,
  writer: ProtobufWriter,
  message: { limit?: LimitMessage; status?: number }
): Uint8Array {
  const { limit } = message
  if (limit !== undefined) {
    writer.bytes(layout.limit, new ProtobufWriter().uint64(1, limit.durationSeconds).uint64(2, limit.bytes).finish())
  }
  if (message.status !== undefined) writer.uint64(layout.status, message.status)
  return writer.finish()
}

function encodeReservation(reservation: ReservationMessage): Uint8Array {
  const writer = new ProtobufWriter().uint64(1, reservation.expire)
  for (const address of reservation.addresses) writer.bytes(2, address)
  if (reservation.voucher !== undefined) writer.bytes(3, reservation.voucher)
  return writer.finish()
}

interface Decoded<Type> {
  type: Type
  peer?: Uint8Array
  reservation?: ReservationMessage
  limit?: LimitMessage
  status?: number
}

function decode<Type extends string>(layout: Layout<Type>, bytes: Uint8Array, reserves: boolean): Decoded<Type> {
  const reader = new ProtobufReader(bytes, decodeLimits)
  // A type that is left out is the first one, as go reads it: some writers leave zeros out.
  const message: Decoded<Type> = { type: layout.types[0] as Type }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) message.type = typeOf(layout, reader.uint32())
    else if (field === 2) message.peer = decodePeer(reader.message())
    else if (field === reservationField && reserves) message.reservation = decodeReservation(reader.message())
    else if (field === layout.limit) message.limit = decodeLimit(reader.message())
    else if (field === layout.status) message.status = reader.uint32()
    else reader.skip()
  }
  return message
}

function typeOf<Type extends string>(layout: Layout<Type>, number: number): Type {
  const type = layout.types[number]
  if (type === undefined) throw new PeerloomError('ERR_DECODE', `relay message of type ${number}`, { remote: true })
  return type
}

/** Addresses of the peer are for relays that dial for others; we do not. */
function decodePeer(reader: ProtobufReader): Uint8Array {
  let id = new Uint8Array(0)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = reader.bytes().slice()
    else reader.skip()
  }
  return id
}

function decodeReservation(reader: ProtobufReader): ReservationMessage {
  let expire = 0n
  let voucher: Uint8Array | undefined
  const addresses: Uint8Array[] = []
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) {
      expire = reader.uint64()
    } else if (field === 2) {
      const address = reader.bytes()
      const takes = address.length > 0 && address.length <= maxAddressBytes && addresses.length < maxAddresses
      if (takes) addresses.push(address.slice())
    } else if (field === 3) {
      voucher = reader.bytes().slice()
    } else {
      reader.skip()
    }
  }
  return { expire, addresses, ...(voucher === undefined ? {} : { voucher }) }
}

function decodeLimit(reader: ProtobufReader): LimitMessage {
  let durationSeconds = 0
  let bytes = 0n
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) durationSeconds = reader.uint32()
    else if (field === 2) bytes = reader.uint64()
    else reader.skip()
  }
  return { durationSeconds, bytes }
}
