import { varintLength } from '@peerloom/bounded'
import type { Message, MessageId } from './message.ts'
import type { Control, Extensions, IHave, PartialMessage, Prune, Rpc, SubscriptionChange } from './rpc.ts'

/** A field of `length` bytes with a field number below 16: its tag, its length, and itself. */
export const field = (length: number): number => 1 + varintLength(length) + length

/** Bytes of the text in UTF-8. */
export function utf8Bytes(text: string): number {
  let bytes = text.length
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x80) continue
    // A surrogate pair is two units and four bytes.
    bytes += code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 1 : 2
  }
  return bytes
}

export const topicField = (topic: string): number => field(utf8Bytes(topic))
const flag = 2

export function idFields(ids: readonly MessageId[]): number {
  let bytes = 0
  for (const id of ids) bytes += field(id.length)
  return bytes
}

export function subscriptionBytes(change: SubscriptionChange): number {
  const partial = (change.requestsPartial ? flag : 0) + (change.supportsPartial ? flag : 0)
  return flag + topicField(change.topic) + partial
}

export function pruneBytes({ topic, peers = [], backoffSeconds }: Prune): number {
  let bytes = topicField(topic)
  for (const { peerId, signedPeerRecord } of peers) {
    bytes += field(field(peerId.length) + (signedPeerRecord === undefined ? 0 : field(signedPeerRecord.length)))
  }
  return bytes + (backoffSeconds === undefined ? 0 : 1 + varintLength(backoffSeconds))
}

/** Tags of the extensions have their own lengths: field 10 takes one byte, field 6492434 four. */
const testExtensionTag = 4

/** Bytes that one entry takes inside of `Control`, for those who fill RPCs up to a bound. */
export const controlEntryBytes = {
  ihave: ({ topic, ids }: IHave): number => field(topicField(topic) + idFields(ids)),
  /** IWANT and IDONTWANT. */
  ids: (ids: readonly MessageId[]): number => field(idFields(ids)),
  id: (id: MessageId): number => field(id.length),
  graft: (topic: string): number => field(topicField(topic)),
  prune: (prune: Prune): number => field(pruneBytes(prune))
}

/** Bytes of an RPC with nothing but control entries of so many bytes. */
export const controlRpcBytes = (entryBytes: number): number => field(entryBytes)

export function controlBytes(control: Control): number {
  let bytes = 0
  for (const ihave of control.ihave ?? []) bytes += controlEntryBytes.ihave(ihave)
  for (const ids of control.iwant ?? []) bytes += controlEntryBytes.ids(ids)
  for (const topic of control.graft ?? []) bytes += controlEntryBytes.graft(topic)
  for (const prune of control.prune ?? []) bytes += controlEntryBytes.prune(prune)
  for (const ids of control.idontwant ?? []) bytes += controlEntryBytes.ids(ids)
  if (control.extensions !== undefined) bytes += field(extensionsBytes(control.extensions))
  return bytes
}

export const extensionsBytes = ({ partialMessages, testExtension }: Extensions): number =>
  (partialMessages ? flag : 0) + (testExtension ? testExtensionTag + 1 : 0)

export const partialBytes = ({ topic, groupId, part, partsMetadata }: PartialMessage): number =>
  topicField(topic) +
  field(groupId.length) +
  (part === undefined ? 0 : field(part.length)) +
  (partsMetadata === undefined ? 0 : field(partsMetadata.length))

/** Bytes of the encoded RPC, without its length prefix. */
export function rpcBytes(rpc: Rpc<Message>): number {
  let bytes = 0
  for (const change of rpc.subscriptions ?? []) bytes += field(subscriptionBytes(change))
  for (const message of rpc.publish ?? []) bytes += message.bytes
  if (rpc.control !== undefined) bytes += field(controlBytes(rpc.control))
  if (rpc.partial !== undefined) bytes += field(partialBytes(rpc.partial))
  if (rpc.testExtension) bytes += testExtensionTag + 1
  return bytes
}
