import { concat, encodeVarint, ProtobufReader, ProtobufWriter } from '@peerloom/bounded'
import { PeerloomError } from '@peerloom/interface'
import type { PrivateKey, PublicKey } from '@peerloom/interface'
import { equalBytes } from './equal-bytes.ts'
import { publicKeyFromProtobuf } from './keys.ts'

/** RFC 0002: 1 public key, 2 payload type, 3 payload, 5 signature. */
const fields = { publicKey: 1, payloadType: 2, payload: 3, signature: 5 } as const

const defaults = { maxBytes: 65_536 }
/** Four fields, and a few that later versions may add. */
const maxFields = 16

export interface SealOptions {
  /** Who signs: a private key, or the node itself, which keeps its key to itself. */
  readonly privateKey: Pick<PrivateKey, 'publicKey' | 'sign'>
  /** What the signature is good for. Not part of the envelope: who opens it has to name the same. */
  readonly domain: string
  readonly payloadType: Uint8Array
  readonly payload: Uint8Array
}

export interface OpenOptions {
  /** Longer envelopes are refused. Default 64 KiB. */
  readonly maxBytes?: number
}

export interface Envelope {
  readonly publicKey: PublicKey
  readonly payloadType: Uint8Array
  readonly payload: Uint8Array
}

const utf8 = new TextEncoder()

/** Signs a payload and puts it into an envelope with the public key (RFC 0002). */
export async function sealEnvelope(options: SealOptions): Promise<Uint8Array> {
  const { privateKey, domain, payloadType, payload } = options
  if (domain === '' || payloadType.length === 0) {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', 'an envelope needs a domain and a payload type')
  }
  const signature = await privateKey.sign(signedBytes(domain, payloadType, payload))
  return new ProtobufWriter()
    .bytes(fields.publicKey, privateKey.publicKey.protobuf)
    .bytes(fields.payloadType, payloadType)
    .bytes(fields.payload, payload)
    .bytes(fields.signature, signature)
    .finish()
}

/**
 * Opens an envelope whose signature is right for this domain; the payload has not been looked into. Rejects with
 * ERR_INVALID_RECORD for a malformed envelope or another payload type than expected, ERR_INVALID_KEY or
 * ERR_UNSUPPORTED_KEY for its key, ERR_INVALID_SIGNATURE. What it gives are views of `bytes`.
 */
export async function openEnvelope(
  bytes: Uint8Array,
  domain: string,
  expectedType?: Uint8Array,
  options: OpenOptions = {}
): Promise<Envelope> {
  const maxBytes = options.maxBytes ?? defaults.maxBytes
  if (bytes.length > maxBytes) throw invalidRecord(`envelope of ${bytes.length} bytes, at most ${maxBytes} are taken`)
  const { key, payloadType, payload, signature } = decode(bytes)
  if (expectedType !== undefined && !equalBytes(payloadType, expectedType)) {
    throw invalidRecord('envelope holds another type of payload')
  }
  const publicKey = decodePublicKey(key)
  if (!(await publicKey.verify(signedBytes(domain, payloadType, payload), signature))) {
    throw new PeerloomError('ERR_INVALID_SIGNATURE', `envelope is not signed for ${domain}`, { remote: true })
  }
  return { publicKey, payloadType, payload }
}

interface Parts {
  readonly key: Uint8Array
  readonly payloadType: Uint8Array
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

function decode(bytes: Uint8Array): Parts {
  const found: (Uint8Array | undefined)[] = []
  try {
    const reader = new ProtobufReader(bytes, { maxFields })
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field > 5 || field === 4) {
        reader.skip()
        continue
      }
      if (found[field] !== undefined) throw invalidRecord(`envelope has field ${field} twice`)
      found[field] = reader.bytes()
    }
  } catch (cause) {
    throw cause instanceof PeerloomError && cause.code === 'ERR_INVALID_RECORD'
      ? cause
      : invalidRecord('envelope does not decode', cause)
  }
  const key = found[fields.publicKey]
  const payloadType = found[fields.payloadType]
  const signature = found[fields.signature]
  // proto3 leaves an empty payload out.
  const payload = found[fields.payload] ?? new Uint8Array(0)
  if (key === undefined || payloadType === undefined || signature === undefined) {
    throw invalidRecord('envelope lacks its key, payload type or signature')
  }
  return { key, payloadType, payload, signature }
}

function decodePublicKey(bytes: Uint8Array): PublicKey {
  try {
    return publicKeyFromProtobuf(bytes)
  } catch (cause) {
    const code = cause instanceof PeerloomError ? cause.code : 'ERR_INVALID_KEY'
    throw new PeerloomError(code, 'envelope has a key that does not decode', { cause, remote: true })
  }
}

/** RFC 0002, signature production: each part with its length before it. */
function signedBytes(domain: string, payloadType: Uint8Array, payload: Uint8Array): Uint8Array {
  const parts = [utf8.encode(domain), payloadType, payload].flatMap((part) => [encodeVarint(part.length), part])
  return concat(parts)
}

function invalidRecord(message: string, cause?: unknown): PeerloomError {
  return new PeerloomError('ERR_INVALID_RECORD', message, { cause, remote: true })
}
