import { field, utf8Bytes } from '../rpc-size.ts'
import { ByteSink } from './byte-sink.ts'

const publishTag = 0x12
/** Field number * 8 + 2, of `Message` in the pubsub specification. */
const tag = { from: 0x0a, data: 0x12, seqno: 0x1a, topic: 0x22, signature: 0x2a, key: 0x32 } as const

export interface MessageFields {
  readonly from?: Uint8Array | undefined
  readonly data: Uint8Array
  readonly seqno?: Uint8Array | undefined
  readonly topic: string
  readonly signature?: Uint8Array | undefined
  readonly key?: Uint8Array | undefined
}

const optional = (value: Uint8Array | undefined): number => (value === undefined ? 0 : field(value.length))

/** A message as the `publish` field of an RPC. */
export function encodeMessage(message: MessageFields): Uint8Array {
  const { from, data, seqno, topic, signature, key } = message
  const topicBytes = utf8Bytes(topic)
  const bytes =
    optional(from) + field(data.length) + optional(seqno) + field(topicBytes) + optional(signature) + optional(key)
  const sink = new ByteSink(field(bytes))
  sink.head(publishTag, bytes)
  if (from !== undefined) sink.bytes(tag.from, from)
  sink.bytes(tag.data, data)
  if (seqno !== undefined) sink.bytes(tag.seqno, seqno)
  sink.text(tag.topic, topic, topicBytes)
  if (signature !== undefined) sink.bytes(tag.signature, signature)
  if (key !== undefined) sink.bytes(tag.key, key)
  return sink.target
}
