import {
  type Channel,
  type Clock,
  type MuxedStream,
  type Muxer,
  type MuxerOptions,
  type StreamMuxerFactory,
  systemClock
} from '@peerloom/interface'
import { channelPair, ChunkIterator } from '@peerloom/streams'
import { concat } from '@peerloom/bounded'
import { CountingScope } from './counting-scope.ts'

/** One end of a muxed connection, and everything that it was told. */
export interface MuxerSide {
  readonly muxer: Muxer
  readonly streams: MuxedStream[]
  readonly closed: Promise<Error | undefined>
  readonly scope: CountingScope
}

export interface MuxerSideOptions {
  readonly role?: MuxerOptions['role']
  readonly clock?: Clock
  onStream?(stream: MuxedStream): void
}

const ignore = (): void => {}

/** A muxer on a channel. By default it has dialled. */
export function muxerSide(factory: StreamMuxerFactory, channel: Channel, options: MuxerSideOptions = {}): MuxerSide {
  const { role = 'initiator', clock = systemClock } = options
  const streams: MuxedStream[] = []
  const scope = new CountingScope()
  let onClose: (error?: Error) => void = ignore
  const closed = new Promise<Error | undefined>((resolve) => (onClose = resolve))
  const muxer = factory.create(channel, {
    role,
    clock,
    limits: scope,
    onClose,
    onStream: (stream) => {
      streams.push(stream)
      options.onStream?.(stream)
    }
  })
  return { muxer, streams, closed, scope }
}

/** Two muxers that talk to each other in this process; the first has dialled, the second takes what is asked for. */
export function muxerPair(
  factory: StreamMuxerFactory,
  { clock = systemClock, onStream }: Omit<MuxerSideOptions, 'role'> = {}
): { a: MuxerSide; b: MuxerSide } {
  const [near, far] = channelPair(clock)
  return {
    a: muxerSide(factory, near, { clock }),
    b: muxerSide(factory, far, { clock, role: 'responder', ...(onStream && { onStream }) })
  }
}

/** A muxer against bytes that are written by hand. */
export function muxerAgainstBytes(
  factory: StreamMuxerFactory,
  options: MuxerSideOptions = {}
): { side: MuxerSide; raw: Channel; sent(): Uint8Array } {
  const [near, far] = channelPair(options.clock)
  const side = muxerSide(factory, near, options)
  const chunks: Uint8Array[] = []
  far.attach({ data: (bytes) => void chunks.push(bytes), end: ignore, closed: ignore })
  return { side, raw: far, sent: () => concat(chunks) }
}

/** Sends everything back, and stops reading while the other side is behind. */
export function echo(stream: MuxedStream): void {
  stream.attach({
    data: (bytes) => {
      if (!stream.send(bytes)) stream.pause()
    },
    drain: () => stream.resume(),
    end: () => void stream.closeWrite().catch(ignore),
    closed: ignore
  })
}

/** Everything up to the end. */
export async function readAll(channel: Channel): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const bytes of new ChunkIterator(channel)) chunks.push(bytes)
  return concat(chunks)
}
