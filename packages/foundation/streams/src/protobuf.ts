import type { AbortOptions, Channel } from '@peerloom/interface'
import { lengthPrefixed, type LengthPrefixedOptions } from './length-prefixed.ts'

/** Bytes of what is sent, and what is received of bytes; `decode` throws ERR_DECODE. The two may be of one type. */
export interface Codec<Received, Sent = Received> {
  encode(message: Sent): Uint8Array
  decode(bytes: Uint8Array): Received
}

/** Typed messages over a channel. */
export interface ProtobufChannel<Received, Sent = Received> extends AsyncIterable<Received> {
  /** The next message; undefined when the remote ended. */
  read(options?: AbortOptions): Promise<Received | undefined>
  write(message: Sent, options?: AbortOptions): Promise<void>
  /** Gives the channel back to the next reader. */
  release(): Channel
}

/**
 * Reads and writes protobuf messages, each with its varint length before it.
 *
 * ```ts
 * const messages = protobuf(stream, { encode: question.encode, decode: answer.decode }, { maxBytes: 4096 })
 * await messages.write({ type: 'CONNECT' })
 * const answer = await messages.read()
 * ```
 */
export function protobuf<Received, Sent = Received>(
  channel: Channel,
  codec: Codec<Received, Sent>,
  options?: LengthPrefixedOptions
): ProtobufChannel<Received, Sent> {
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
