import { type Clock, type MuxedStream, type Muxer, type Scope, systemClock } from '@peerloom/interface'
import { channelPair, ChunkIterator } from '@peerloom/streams'
import type { Channel } from '@peerloom/interface'
import { yamux, type YamuxOptions } from '@peerloom/yamux'

/** A scope that counts and refuses nothing, unless told to. */
export function openScope(): Scope & { readonly used: Record<string, number> } {
  const used: Record<string, number> = {}
  const scope: Scope & { readonly used: Record<string, number> } = {
    name: 'test',
    used,
    usage: { connectionsInbound: 0, connectionsOutbound: 0, streamsInbound: 0, streamsOutbound: 0, memory: 0 },
    limits: {},
    reserve: (resource, amount) => {
      used[resource] = (used[resource] ?? 0) + amount
      return true
    },
    release: (resource, amount) => {
      used[resource] = (used[resource] ?? 0) - amount
    },
    child: () => scope,
    close: () => {}
  }
  return scope
}

/** Lets everything that is under way in this process arrive. */
export async function turns(count = 8): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export interface Side {
  readonly muxer: Muxer
  readonly streams: MuxedStream[]
  readonly closed: Promise<Error | undefined>
  readonly scope: ReturnType<typeof openScope>
}

export function startSide(
  channel: Channel,
  role: 'initiator' | 'responder',
  options: YamuxOptions = {},
  onStream: (stream: MuxedStream) => void = () => {},
  clock: Clock = systemClock
): Side {
  const streams: MuxedStream[] = []
  const scope = openScope()
  let onClose: (error?: Error) => void = () => {}
  const closed = new Promise<Error | undefined>((resolve) => (onClose = resolve))
  const factory = yamux(options)({} as never)
  const muxer = factory.create(channel, {
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
  options: YamuxOptions = {},
  onStream?: (stream: MuxedStream) => void,
  clock: Clock = systemClock
): { a: Side; b: Side } {
  const [near, far] = channelPair(clock)
  return {
    a: startSide(near, 'initiator', options, () => {}, clock),
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

export async function readAll(channel: Channel): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of new ChunkIterator(channel)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** One muxer against bytes written by hand. */
export function startRaw(
  role: 'initiator' | 'responder',
  options: YamuxOptions = {},
  clock: Clock = systemClock,
  onStream?: (stream: MuxedStream) => void
): { side: Side; raw: Channel; sent: () => string; frames: () => string[] } {
  const [near, far] = channelPair(clock)
  const side = startSide(near, role, options, onStream, clock)
  const chunks: Uint8Array[] = []
  far.attach({ data: (bytes) => void chunks.push(bytes), end: () => {}, closed: () => {} })
  const sent = (): string => Buffer.concat(chunks).toString('hex')
  const frames = (): string[] => {
    const all = Buffer.concat(chunks)
    const found: string[] = []
    for (let at = 0; at + 12 <= all.length;) {
      const body = all[at + 1] === 0 ? all.readUInt32BE(at + 8) : 0
      found.push(all.subarray(at, at + 12 + body).toString('hex'))
      at += 12 + body
    }
    return found
  }
  return { side, raw: far, sent, frames }
}

/** A frame by hand. */
export function frame(
  type: number,
  flags: number,
  id: number,
  length: number,
  body: Uint8Array = new Uint8Array(0)
): Uint8Array {
  const bytes = Buffer.alloc(12 + body.length)
  bytes.writeUInt8(type, 1)
  bytes.writeUInt16BE(flags, 2)
  bytes.writeUInt32BE(id, 4)
  bytes.writeUInt32BE(length, 8)
  bytes.set(body, 12)
  return bytes
}
export const data = 0
export const windowUpdate = 1
export const ping = 2
export const goAway = 3
export const syn = 1
export const ack = 2
export const fin = 4
export const rst = 8
