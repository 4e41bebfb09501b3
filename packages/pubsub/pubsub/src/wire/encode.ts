import type { Message } from '../message.ts'
import type { Control, Extensions, PartialMessage, Prune, Rpc, SubscriptionChange } from '../rpc.ts'
import {
  controlBytes,
  extensionsBytes,
  field,
  idFields,
  partialBytes,
  pruneBytes,
  rpcBytes,
  subscriptionBytes,
  topicField,
  utf8Bytes
} from '../rpc-size.ts'
import { ByteSink } from './byte-sink.ts'
import type { WireMessage } from './wire-message.ts'

// Tags: field number * 8 + wire type (pubsub and gossipsub specifications; the extensions registry).
const rpcTag = { subscription: 0x0a, control: 0x1a, partial: 0x52 } as const
const subscriptionTag = { subscribe: 0x08, topic: 0x12, requestsPartial: 0x18, supportsPartial: 0x20 } as const
const controlTag = { ihave: 0x0a, iwant: 0x12, graft: 0x1a, prune: 0x22, idontwant: 0x2a, extensions: 0x32 } as const
/** 6492434 with wire type 2 in an RPC, with wire type 0 among the extensions. */
const testMessageTag = 6492434 * 8 + 2
const testExtensionTag = 6492434 * 8

/** Everything of an RPC but its messages and its control, which is written once for all RPCs of a frame. */
export function writeSmall(sink: ByteSink, rpc: Rpc<Message>): void {
  for (const change of rpc.subscriptions ?? []) writeSubscription(sink, change)
  if (rpc.partial !== undefined) writePartial(sink, rpc.partial)
  if (rpc.testExtension === true) {
    sink.varint(testMessageTag)
    sink.varint(0)
  }
}

/** Tag and length of a `control` field whose content comes next, from one `writeControl` or several. */
export function writeControlHead(sink: ByteSink, bytes: number): void {
  sink.head(rpcTag.control, bytes)
}

export function writeControl(sink: ByteSink, control: Control): void {
  for (const { topic, ids } of control.ihave ?? []) {
    sink.head(controlTag.ihave, topicField(topic) + idFields(ids))
    writeTopic(sink, 0x0a, topic)
    for (const id of ids) sink.binary(0x12, id)
  }
  for (const ids of control.iwant ?? []) writeIds(sink, controlTag.iwant, ids)
  for (const topic of control.graft ?? []) {
    sink.head(controlTag.graft, topicField(topic))
    writeTopic(sink, 0x0a, topic)
  }
  for (const prune of control.prune ?? []) writePrune(sink, prune)
  for (const ids of control.idontwant ?? []) writeIds(sink, controlTag.idontwant, ids)
  if (control.extensions !== undefined) writeExtensions(sink, control.extensions)
}

/** One RPC, without the length before it. Routers put theirs into queues; this is for one that stands alone. */
export function encodeRpc(rpc: Rpc<WireMessage>): Uint8Array {
  const sink = new ByteSink(rpcBytes(rpc))
  for (const message of rpc.publish ?? []) sink.raw(message.field)
  writeSmall(sink, rpc)
  if (rpc.control !== undefined) {
    writeControlHead(sink, controlBytes(rpc.control))
    writeControl(sink, rpc.control)
  }
  return sink.target
}

function writeTopic(sink: ByteSink, tag: number, topic: string): void {
  sink.text(tag, topic, utf8Bytes(topic))
}

function writeSubscription(sink: ByteSink, change: SubscriptionChange): void {
  sink.head(rpcTag.subscription, subscriptionBytes(change))
  sink.flag(subscriptionTag.subscribe, change.subscribe)
  writeTopic(sink, subscriptionTag.topic, change.topic)
  if (change.requestsPartial === true) sink.flag(subscriptionTag.requestsPartial, true)
  if (change.supportsPartial === true) sink.flag(subscriptionTag.supportsPartial, true)
}

function writeIds(sink: ByteSink, tag: number, ids: readonly string[]): void {
  sink.head(tag, idFields(ids))
  for (const id of ids) sink.binary(0x0a, id)
}

function writePrune(sink: ByteSink, prune: Prune): void {
  sink.head(controlTag.prune, pruneBytes(prune))
  writeTopic(sink, 0x0a, prune.topic)
  for (const { peerId, signedPeerRecord } of prune.peers ?? []) {
    sink.head(0x12, field(peerId.length) + (signedPeerRecord === undefined ? 0 : field(signedPeerRecord.length)))
    sink.bytes(0x0a, peerId)
    if (signedPeerRecord !== undefined) sink.bytes(0x12, signedPeerRecord)
  }
  if (prune.backoffSeconds !== undefined) {
    sink.varint(0x18)
    sink.varint(prune.backoffSeconds)
  }
}

function writeExtensions(sink: ByteSink, extensions: Extensions): void {
  sink.head(controlTag.extensions, extensionsBytes(extensions))
  if (extensions.partialMessages === true) sink.flag(0x50, true)
  if (extensions.testExtension === true) {
    sink.varint(testExtensionTag)
    sink.varint(1)
  }
}

function writePartial(sink: ByteSink, partial: PartialMessage): void {
  sink.head(rpcTag.partial, partialBytes(partial))
  writeTopic(sink, 0x0a, partial.topic)
  sink.bytes(0x12, partial.groupId)
  if (partial.part !== undefined) sink.bytes(0x1a, partial.part)
  if (partial.partsMetadata !== undefined) sink.bytes(0x22, partial.partsMetadata)
}
