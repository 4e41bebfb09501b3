import type { AbortOptions, Channel } from '@peerloom/interface'
import { lengthPrefixed, type LengthPrefixedOptions } from './length-prefixed.ts'

/** Turns one kind of message into bytes and back; `decode` throws ERR_DECODE. */
export interface Codec<T> {
  encode(message: T): Uint8Array
  decode(bytes: Uint8Array): T
}

/** Typed messages over a channel. */
export interface ProtobufChannel<T> extends AsyncIterable<T> {
  /** The next message; undefined when the remote ended. */
  read(options?: AbortOptions): Promise<T | undefined>
  write(message: T, options?: AbortOptions): Promise<void>
  /** Gives the channel back to the next reader. */
  release(): Channel
}

/**
 * Reads and writes protobuf messages, each with its varint length before it.
 *
 * ```ts
 * const messages = protobuf(stream, { encode, decode }, { maxBytes: 4096 })
 * await messages.write({ type: 'CONNECT' })
 * const answer = await messages.read()
 * ```
 */
export function protobuf<T>(channel: Channel, codec: Codec<T>, options?: LengthPrefixedOptions): ProtobufChannel<T> {
  const framed = lengthPrefixed(channel, options)
  return {
    async read(readOptions) {
      const bytes = await framed.read(readOptions)
      return bytes === undefined ? undefined : codec.decode(bytes)
    },
    write: (message, writeOptions) => framed.write(codec.encode(message), writeOptions),
    release: () => framed.release(),
    async *[Symbol.asyncIterator]() {
      for await (const bytes of framed) yield codec.decode(bytes)
    }
  }
}
