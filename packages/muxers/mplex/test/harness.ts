import { CountingScope } from '@peerloom/conformance'
import { type Channel, type Clock, type MuxedStream, type Muxer, systemClock } from '@peerloom/interface'
import { mplex, type MplexOptions } from '@peerloom/mplex'
import { channelPair } from '@peerloom/streams'

export interface Side {
  readonly muxer: Muxer
  readonly streams: MuxedStream[]
  readonly closed: Promise<Error | undefined>
  readonly scope: CountingScope
}

/** Lets everything that is under way in this process arrive. */
export async function turns(count = 8): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export function startSide(
  channel: Channel,
  role: 'initiator' | 'responder',
  options: MplexOptions = {},
  onStream: (stream: MuxedStream) => void = () => {},
  clock: Clock = systemClock
): Side {
  const streams: MuxedStream[] = []
  const scope = new CountingScope()
  let onClose: (error?: Error) => void = () => {}
  const closed = new Promise<Error | undefined>((resolve) => (onClose = resolve))
  const muxer = mplex(options)({} as never).create(channel, {
    role,
    clock,
    limits: scope,
    onClose,
    onStream: (stream) => {
      streams.push(stream)
      onStream(stream)
    }
  })
  return { muxer, streams, closed, scope }
}

export function startPair(
  options: MplexOptions = {},
  onStream?: (stream: MuxedStream) => void,
  clock: Clock = systemClock
): { a: Side; b: Side } {
  const [near, far] = channelPair(clock)
  return {
    a: startSide(near, 'initiator', options, onStream, clock),
    b: startSide(far, 'responder', options, onStream, clock)
  }
}

export const echo = (stream: MuxedStream): void => {
  stream.attach({
    data: (bytes) => {
      if (!stream.send(bytes)) stream.pause()
    },
    drain: () => stream.resume(),
    end: () => void stream.closeWrite().catch(() => {}),
    closed: () => {}
  })
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
  onStream?: (stream: MuxedStream) => void
): { side: Side; raw: Channel; sent: () => string; frames: () => Frame[] } {
  const [near, far] = channelPair(clock)
  const side = startSide(near, role, options, onStream, clock)
  const chunks: Uint8Array[] = []
  far.attach({ data: (bytes) => void chunks.push(bytes), end: () => {}, closed: () => {} })
  const sent = (): string => Buffer.concat(chunks).toString('hex')
  return { side, raw: far, sent, frames: () => parse(Buffer.concat(chunks)) }
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
