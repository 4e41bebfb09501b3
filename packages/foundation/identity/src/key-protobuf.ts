import { encodeVarint, readVarint, varintLength } from '@peerloom/bounded'
import type { KeyType } from '@peerloom/interface'
import { invalidKey, unsupportedKey } from './algorithm.ts'

/** By their number in the enum of the peer-ids specification. */
const types: readonly KeyType[] = ['RSA', 'Ed25519', 'secp256k1', 'ECDSA']

const typeTag = 0x08
const dataTag = 0x12

/** An RSA private key of 8192 bits takes 4.7 KB; nothing else comes near. */
const maxKeyBytes = 8192

/** The deterministic form of the specification: type, then data, minimal varints, nothing else. */
export function encodeKey(type: KeyType, raw: Uint8Array): Uint8Array {
  const length = encodeVarint(raw.length)
  const bytes = new Uint8Array(3 + length.length + raw.length)
  bytes[0] = typeTag
  bytes[1] = types.indexOf(type)
  bytes[2] = dataTag
  bytes.set(length, 3)
  bytes.set(raw, 3 + length.length)
  return bytes
}

/**
 * Takes only what `encodeKey` gives, so that a key has one peer id, inlined or hashed. `raw` is a view.
 * Throws ERR_INVALID_KEY or, for a type that is not ours, ERR_UNSUPPORTED_KEY.
 */
export function decodeKey(bytes: Uint8Array): { type: KeyType; raw: Uint8Array } {
  if (bytes.length > maxKeyBytes) throw invalidKey(`key protobuf of ${bytes.length} bytes`)
  if (bytes[0] !== typeTag) throw invalidKey('key protobuf does not start with its type')
  const number = varint(bytes, 1)
  const type = types[number]
  if (type === undefined) throw unsupportedKey(`key type ${number}`)
  if (bytes[2] !== dataTag) throw invalidKey('key protobuf has no data behind its type')
  const length = varint(bytes, 3)
  const start = 3 + varintLength(length)
  if (length !== bytes.length - start) throw invalidKey('key protobuf has another length than it says')
  return { type, raw: bytes.subarray(start) }
}

function varint(bytes: Uint8Array, offset: number): number {
  try {
    const value = readVarint(bytes, offset)
    if (value >= 0) return value
  } catch (cause) {
    throw invalidKey('key protobuf has a malformed varint', cause)
  }
  throw invalidKey('key protobuf ends early')
}
