import { ProtobufReader, ProtobufWriter } from '@peerloom/bounded'
import { PeerloomError } from '@peerloom/interface'

/** What the identity key signs, before the static key (noise specification, "The libp2p Handshake Payload"). */
const signaturePrefix = new TextEncoder().encode('noise-libp2p-static-key:')

/** What is read of a remote's lists; more is passed over. */
const maxMuxers = 32
const maxCertHashes = 32

/** NoiseHandshakePayload with its NoiseExtensions. */
export interface HandshakePayload {
  readonly identityKey: Uint8Array
  readonly identitySignature: Uint8Array
  readonly muxers: readonly string[]
  readonly certHashes: readonly Uint8Array[]
}

export function signedData(staticKey: Uint8Array): Uint8Array {
  const data = new Uint8Array(signaturePrefix.length + staticKey.length)
  data.set(signaturePrefix)
  data.set(staticKey, signaturePrefix.length)
  return data
}

export function encodePayload(payload: HandshakePayload): Uint8Array {
  const writer = new ProtobufWriter().bytes(1, payload.identityKey).bytes(2, payload.identitySignature)
  if (payload.muxers.length > 0 || payload.certHashes.length > 0) {
    const extensions = new ProtobufWriter()
    for (const hash of payload.certHashes) extensions.bytes(1, hash)
    for (const muxer of payload.muxers) extensions.string(2, muxer)
    writer.bytes(4, extensions.finish())
  }
  return writer.finish()
}

/** Throws ERR_DECODE. */
export function decodePayload(bytes: Uint8Array): HandshakePayload {
  const reader = new ProtobufReader(bytes, { maxFields: 128, maxDepth: 1 })
  let [identityKey, identitySignature]: (Uint8Array | undefined)[] = []
  const muxers: string[] = []
  const certHashes: Uint8Array[] = []
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) identityKey = reader.bytes()
    else if (field === 2) identitySignature = reader.bytes()
    else if (field === 4) readExtensions(reader.message(), muxers, certHashes)
    else reader.skip()
  }
  if (identityKey === undefined || identitySignature === undefined) {
    throw new PeerloomError('ERR_DECODE', 'the identity key or signature is missing', { remote: true })
  }
  return { identityKey, identitySignature, muxers, certHashes }
}

function readExtensions(reader: ProtobufReader, muxers: string[], certHashes: Uint8Array[]): void {
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1 && certHashes.length < maxCertHashes) certHashes.push(reader.bytes())
    else if (field === 2 && muxers.length < maxMuxers) muxers.push(reader.string())
    else reader.skip()
  }
}

/** The first of the initiator's muxers that the responder has too; undefined leaves it to multistream. */
export function agreeOnMuxer(initiator: readonly string[], responder: readonly string[]): string | undefined {
  return initiator.find((muxer) => responder.includes(muxer))
}
