import { PeerloomError } from '@peerloom/interface'
import type { ErrorCode, PeerId, PrivateKey, PublicKey } from '@peerloom/interface'
import { base32 } from 'multiformats/bases/base32'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { equalBytes } from './equal-bytes.ts'
import { publicKeyFromProtobuf } from './keys.ts'
import { platform } from './platform.ts'

/** Multihash codes, and the longest key that is inlined. */
const identity = 0x00
const sha256 = 0x12
const maxInlineBytes = 42

/** CIDv1, libp2p-key: the two varints before the multihash. */
const cidVersion = 0x01
const libp2pKey = 0x72

/** The longest form, base32 of an inlined key, has 75; decoding takes the square of the length. */
const maxTextLength = 96

/** Multihash of an inlined Ed25519 key: identity, 36 bytes, type 1, 32 bytes of data. */
const ed25519Head = [identity, 36, 0x08, 0x01, 0x12, 0x20] as const

class KnownPeerId implements PeerId {
  readonly bytes: Uint8Array
  #publicKey: PublicKey | undefined
  #text: string | undefined
  #cid: string | undefined

  constructor(bytes: Uint8Array, publicKey?: PublicKey, text?: string) {
    this.bytes = bytes
    this.#publicKey = publicKey
    this.#text = text
  }

  get publicKey(): PublicKey | undefined {
    if (this.#publicKey === undefined && this.bytes[0] === identity) {
      this.#publicKey = publicKeyFromProtobuf(this.bytes.subarray(2))
    }
    return this.#publicKey
  }

  toString(): string {
    this.#text ??= base58btc.baseEncode(this.bytes)
    return this.#text
  }

  toCid(): string {
    this.#cid ??= base32.encode(Uint8Array.of(cidVersion, libp2pKey, ...this.bytes))
    return this.#cid
  }

  toJSON(): string {
    return this.toString()
  }

  equals(other: PeerId): boolean {
    return this === other || equalBytes(this.bytes, other.bytes)
  }

  get [Symbol.toStringTag](): string {
    return `PeerId(${this.toString()})`
  }
}

/** The id of the peer that holds this key. */
export function peerIdFromPublicKey(key: PublicKey): PeerId {
  const inline = key.protobuf.length <= maxInlineBytes
  const digest = inline ? key.protobuf : platform.sha256(key.protobuf)
  const bytes = new Uint8Array(2 + digest.length)
  bytes[0] = inline ? identity : sha256
  bytes[1] = digest.length
  bytes.set(digest, 2)
  return new KnownPeerId(bytes, key)
}

export function peerIdFromPrivateKey(key: PrivateKey): PeerId {
  return peerIdFromPublicKey(key.publicKey)
}

/** The id with this multihash, which is copied. Throws ERR_DECODE for any other bytes. */
export function peerIdFromBytes(multihash: Uint8Array): PeerId {
  checkMultihash(multihash, 'ERR_DECODE')
  return new KnownPeerId(new Uint8Array(multihash))
}

/**
 * Reads `12D3Koo…`, `16Uiu2H…` and `Qm…` (base58btc of the multihash), and CIDv1 `libp2p-key` in base32 (`b…`), base36
 * (`k…`) and base58btc (`z…`). Throws ERR_INVALID_ARGUMENT for any other text.
 */
export function parsePeerId(text: string): PeerId {
  if (text.length > maxTextLength) throw malformed('ERR_INVALID_ARGUMENT', `${text.length} characters`)
  const plain = text.startsWith('1') || text.startsWith('Qm')
  let bytes: Uint8Array
  try {
    bytes = plain ? base58btc.baseDecode(text) : multihashFromCid(text)
  } catch (cause) {
    throw malformed('ERR_INVALID_ARGUMENT', JSON.stringify(text), cause)
  }
  checkMultihash(bytes, 'ERR_INVALID_ARGUMENT')
  return new KnownPeerId(bytes, undefined, plain ? text : undefined)
}

function multihashFromCid(text: string): Uint8Array {
  const base = [base32, base36, base58btc].find((candidate) => text.startsWith(candidate.prefix))
  const bytes = base?.decode(text)
  if (bytes?.[0] !== cidVersion || bytes[1] !== libp2pKey) {
    throw malformed('ERR_INVALID_ARGUMENT', 'not a CID of version 1 with libp2p-key')
  }
  return bytes.slice(2)
}

/** The length bytes are single: 32 or up to 42. */
function checkMultihash(bytes: Uint8Array, code: ErrorCode): void {
  if (bytes[1] !== bytes.length - 2) throw malformed(code, 'its multihash has another length than it says')
  if (bytes[0] === sha256 && bytes.length === 34) return
  if (bytes[0] !== identity || bytes.length > 2 + maxInlineBytes)
    throw malformed(code, 'neither sha2-256 nor a short key')
  if (bytes.length === 38 && ed25519Head.every((byte, index) => bytes[index] === byte)) return
  try {
    publicKeyFromProtobuf(bytes.subarray(2))
  } catch (cause) {
    throw malformed(code, 'the key inside is malformed or of an unknown type', cause)
  }
}

function malformed(code: ErrorCode, why: string, cause?: unknown): PeerloomError {
  return new PeerloomError(code, `not a peer id: ${why}`, { cause })
}
