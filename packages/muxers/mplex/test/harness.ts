import { echo, muxerAgainstBytes, muxerPair, type MuxerSide, muxerSide, settle } from '@peerloom/conformance/muxer'
import { type Channel, type Clock, type MuxedStream, systemClock } from '@peerloom/interface'
import { mplex, type MplexOptions } from '@peerloom/mplex'

export { echo }

type OnStream = (stream: MuxedStream) => void
const ignore = (): void => {}
const factoryOf = (options: MplexOptions) => mplex(options)({} as never)

/** Lets everything that is under way in this process arrive. */
export const turns = (count = 8): Promise<void> => settle(count)

export function startSide(
  channel: Channel,
  role: 'initiator' | 'responder',
  options: MplexOptions = {},
  onStream: OnStream = ignore,
  clock: Clock = systemClock
): MuxerSide {
  return muxerSide(factoryOf(options), channel, { role, onStream, clock })
}

export function startPair(
  options: MplexOptions = {},
  onStream: OnStream = ignore,
  clock: Clock = systemClock
): { a: MuxerSide; b: MuxerSide } {
  return muxerPair(factoryOf(options), { onStream, clock })
}

/** A frame as it was sent: flag, stream id, body. */
export interface Frame {
  readonly flag: number
  readonly id: number
  readonly body: Uint8Array
}

/** One muxer against bytes written by hand. */
export function startRaw(
  role: 'initiator' | 'responder',
  options: MplexOptions = {},
  clock: Clock = systemClock,
  onStream: OnStream = ignore
): { side: MuxerSide; raw: Channel; sent: () => string; frames: () => Frame[] } {
  const { side, raw, sent } = muxerAgainstBytes(factoryOf(options), { role, clock, onStream })
  return { side, raw, sent: () => Buffer.from(sent()).toString('hex'), frames: () => parse(sent()) }
}

/** A varint by hand: as the specification says, not as the code does. */
export function varint(value: number | bigint): number[] {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return bytes
}

/** A frame by hand; `length` when it is to say another one than its body has. */
export function frame(flag: number, id: number, body: Uint8Array | number = 0, length?: number): Uint8Array {
  const bytes = typeof body === 'number' ? new Uint8Array(body) : body
  return Uint8Array.from([...varint(BigInt(id) * 8n + BigInt(flag)), ...varint(length ?? bytes.length), ...bytes])
}

function parse(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = []
  let at = 0
  const read = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] as number
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const header = read()
    const length = Number(read())
    frames.push({ flag: Number(header & 7n), id: Number(header >> 3n), body: bytes.subarray(at, at + length) })
    at += length
  }
  return frames
}

export const newStream = 0
export const messageReceiver = 1
export const messageInitiator = 2
export const closeReceiver = 3
export const closeInitiator = 4
export const resetReceiver = 5
export const resetInitiator = 6
