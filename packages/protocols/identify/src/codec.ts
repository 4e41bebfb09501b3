import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { concat, ProtobufReader, ProtobufWriter } from '@peerloom/bounded'
import { PeerloomError } from '@peerloom/interface'

/**
 * message Identify {
 *   bytes publicKey = 1; repeated bytes listenAddrs = 2; repeated string protocols = 3; bytes observedAddr = 4;
 *   string protocolVersion = 5; string agentVersion = 6; bytes signedPeerRecord = 8;
 * }
 * (identify specification; field 8 is what go, js and rust send besides.)
 */
export interface IdentifyMessage {
  readonly publicKey?: Uint8Array
  readonly listenAddresses: readonly Multiaddr[]
  /** Undefined when the message names none: a push that leaves them out does not change them. */
  readonly protocols?: readonly string[]
  readonly observedAddress?: Multiaddr
  readonly protocolVersion?: string
  readonly agentVersion?: string
  readonly signedPeerRecord?: Uint8Array
}

export interface IdentifyLimits {
  /** Addresses that are read. Default 500. */
  readonly maxAddresses: number
  /** Protocols that are read. Default 1,024. */
  readonly maxProtocols: number
}

/** Fields beside addresses and protocols, and some of those over their limits, which are left out. */
const moreFields = 512
/** An address over this is not looked at: writing a component in base58 takes the square of its length. */
const maxAddressBytes = 512

const tryMultiaddr = (bytes: Uint8Array): Multiaddr | undefined => {
  if (bytes.length === 0 || bytes.length > maxAddressBytes) return undefined
  try {
    return multiaddr(bytes.slice())
  } catch {
    return undefined // a kind of address that is newer than we are
  }
}

/**
 * Reads one message, which may have come in several pieces that are simply put together (go sends long ones so).
 * Throws ERR_DECODE; what is over the limits is left out.
 */
export function decodeIdentify(bytes: Uint8Array, limits: IdentifyLimits): IdentifyMessage {
  const reader = new ProtobufReader(bytes, {
    maxFields: limits.maxAddresses + limits.maxProtocols + moreFields,
    maxDepth: 0
  })
  const message: { -readonly [K in keyof IdentifyMessage]: IdentifyMessage[K] } = { listenAddresses: [] }
  const addresses: Multiaddr[] = []
  let protocols: string[] | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case 1:
        message.publicKey = reader.bytes().slice()
        break
      case 2: {
        const bytes = reader.bytes()
        const address = addresses.length < limits.maxAddresses ? tryMultiaddr(bytes) : undefined
        if (address !== undefined) addresses.push(address)
        break
      }
      case 3:
        protocols ??= []
        if (protocols.length < limits.maxProtocols) protocols.push(reader.string())
        else reader.skip()
        break
      case 4: {
        const observed = tryMultiaddr(reader.bytes())
        if (observed !== undefined) message.observedAddress = observed
        break
      }
      case 5:
        message.protocolVersion = reader.string()
        break
      case 6:
        message.agentVersion = reader.string()
        break
      case 8:
        message.signedPeerRecord = reader.bytes().slice()
        break
      default:
        reader.skip()
    }
  }
  message.listenAddresses = addresses
  if (protocols !== undefined) message.protocols = protocols
  return message
}

/** Longest single message that go and js read. */
export const maxMessageBytes = 8192
/** Rust reads one message, of at most 4 KiB, and nothing behind it: what matters most has to be in the first. */
const pieceBytes = 4096
/** Pieces that a reader puts together at most (go). */
export const maxMessages = 10

/**
 * Writes a message as one frame's worth of bytes, or as several when it is longer than 4 KiB: the reader puts them
 * together. Fields are never split, and come in the order of their worth to a reader of the first piece only, which leaves
 * `spareBytes` free. Throws ERR_INVALID_ARGUMENT when it takes more than ten pieces, or one of over 8 KiB.
 */
export function encodeIdentify(message: IdentifyMessage, spareBytes = 0): Uint8Array[] {
  const fields: Uint8Array[] = []
  const bytes = (field: number, value: Uint8Array): void => {
    fields.push(new ProtobufWriter().bytes(field, value).finish())
  }
  const text = (field: number, value: string): void => {
    fields.push(new ProtobufWriter().string(field, value).finish())
  }
  if (message.publicKey !== undefined) bytes(1, message.publicKey)
  if (message.protocolVersion !== undefined) text(5, message.protocolVersion)
  if (message.agentVersion !== undefined) text(6, message.agentVersion)
  if (message.observedAddress !== undefined) bytes(4, message.observedAddress.bytes)
  for (const protocol of message.protocols ?? []) text(3, protocol)
  for (const address of message.listenAddresses) bytes(2, address.bytes)
  if (message.signedPeerRecord !== undefined) bytes(8, message.signedPeerRecord)

  const pieces: Uint8Array[][] = [[]]
  let room = pieceBytes - spareBytes
  for (const field of fields) {
    if (field.length > room && (pieces.at(-1)?.length ?? 0) > 0) {
      pieces.push([])
      room = pieceBytes
    }
    pieces.at(-1)?.push(field)
    room -= field.length
  }
  if (pieces.length > maxMessages) {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `what identify tells of this node fills ${pieces.length} messages`)
  }
  const whole = pieces.map((parts) => concat(parts))
  const longest = Math.max(...whole.map(({ length }) => length))
  if (longest > maxMessageBytes) {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `a part of what identify tells has ${longest} bytes`)
  }
  return whole
}
