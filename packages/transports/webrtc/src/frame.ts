import { ProtobufReader, readVarint, varintLength, writeVarint } from '@peerloom/bounded'

/** Flags of a message (libp2p/specs: webrtc/README.md, Multiplexing). */
export const flag = { fin: 0, stopSending: 1, reset: 2, finAck: 3 } as const

/** A message with its length prefix is never sent larger than this. */
export const maxSentBytes: number = 16 * 1024
/** Larger messages are in discussion, and go-libp2p reads them: so do we. */
export const maxReceivedBytes: number = 256 * 1024 + 1024
/** What fits into one message: two bytes of prefix, one of tag, two of length. */
export const maxPayloadBytes: number = maxSentBytes - 5

const flagField = 1
const messageField = 2
const messageTag = (messageField << 3) | 2
/**
 * An addition of ours, sent only to those that have said that they know it: how many bytes of payload the sender of the
 * message takes on this stream, counted from its start. Others would skip the field.
 */
const creditField = 1000
const creditTag = creditField << 3
/**
 * Another one, which others skip: how many bytes of payload come before this message on its stream. On the first messages of
 * a stream, except where it is 0: an engine may swap those that come just when it is told where they go (node-datachannel).
 */
const positionField = 1001
const positionTag = positionField << 3

/** One message, as far as it matters. */
export interface Frame {
  flag: number | undefined
  message: Uint8Array | undefined
  /** Total bytes of payload that may be sent on the stream. */
  credit: number | undefined
  /** Bytes of payload before this message. */
  position: number | undefined
}

/** What is behind the length prefix, when a data channel's message is one of ours and no more, as the rule is. */
export function wholeMessage(bytes: Uint8Array): Uint8Array | undefined {
  const length = readVarint(bytes, 0)
  if (length < 0 || length > maxReceivedBytes) return undefined
  const start = varintLength(length)
  return start + length === bytes.length ? bytes.subarray(start) : undefined
}

/** Reads a message without its length prefix. Throws ERR_DECODE. The payload is a view. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const frame: Frame = { flag: undefined, message: undefined, credit: undefined, position: undefined }
  const reader = new ProtobufReader(bytes, { maxFields: 16 })
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === messageField) frame.message = reader.bytes()
    else if (field === flagField) frame.flag = Number(reader.uint64())
    else if (field === creditField) frame.credit = Number(reader.uint64())
    else if (field === positionField) frame.position = Number(reader.uint64())
    else reader.skip()
  }
  return frame
}

/**
 * Writes length prefix, position when it is to be told, tag and length of a message with `payload` bytes to the target; gives
 * the offset of the payload, which the caller puts behind it.
 */
export function writeDataHeader(target: Uint8Array, payload: number, position = 0): number {
  const length = 1 + varintLength(payload) + payload
  let at = writeVarint(target, 0, length + (position > 0 ? positionLength(position) : 0))
  if (position > 0) at = writePosition(target, at, position)
  target[at] = messageTag
  return writeVarint(target, at + 1, payload)
}

const positionLength = (position: number): number => varintLength(positionTag) + varintLength(position)
const writePosition = (target: Uint8Array, at: number, position: number): number =>
  writeVarint(target, writeVarint(target, at, positionTag), position)

const flagFrames = [0, 1, 2, 3].map((value) => Uint8Array.of(2, flagField << 3, value))

/** A whole message that carries nothing but a flag, and its position when that is to be told. */
export function flagFrame(value: number, position = 0): Uint8Array {
  if (position === 0) return flagFrames[value] as Uint8Array
  const length = 2 + positionLength(position)
  const frame = new Uint8Array(1 + length)
  frame.set([length, flagField << 3, value])
  writePosition(frame, 3, position)
  return frame
}

/** A whole message that grants credit. */
export function creditFrame(total: number): Uint8Array {
  const length = varintLength(creditTag) + varintLength(total)
  const frame = new Uint8Array(1 + length)
  frame[0] = length
  writeVarint(frame, writeVarint(frame, 1, creditTag), total)
  return frame
}
