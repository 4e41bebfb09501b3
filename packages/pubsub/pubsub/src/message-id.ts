import { concat } from '@peerloom/bounded'
import { peerIdFromBytes, sha256 } from '@peerloom/identity'
import { PeerloomError } from '@peerloom/interface'
import { binaryString } from './binary-string.ts'
import type { MessageId } from './message.ts'
import type { WireMessage } from './wire/wire-message.ts'

/** Gives a message its id. Called once for each copy that comes, before its signature is looked at. */
export type MessageIdRule = (message: WireMessage) => MessageId

const none = new Uint8Array(0)

/** The specification's rule and that of go-libp2p: who it is from, then its sequence number, both as they came. */
export const specMessageId: MessageIdRule = (message) => joined(message.from ?? none, message.seqno ?? none)

/** rust-libp2p: the peer id in base58, then the sequence number in decimal. */
export const rustMessageId: MessageIdRule = (message) => {
  const { from, seqno = none } = message
  return (from === undefined ? '' : textOf(from)) + decimal(seqno)
}

/** js-libp2p: the public key of who it is from, in protobuf, then the sequence number. */
export const jsMessageId: MessageIdRule = (message) => {
  const { from = none, key, seqno = none } = message
  // An Ed25519 or secp256k1 key is the content of the peer id, behind two bytes of multihash.
  const inlined = from[0] === 0 ? from.subarray(2) : none
  return joined(key !== undefined && key.length > 0 ? key : inlined, seqno)
}

/** The digest of the content: what js-libp2p does with messages that are not signed. */
export const contentMessageId: MessageIdRule = (message) => binaryString(sha256(message.data))

export interface EthereumMessageIdOptions {
  /** `phase0` leaves the topic out; `altair` is that of all later forks. Default `altair`. */
  readonly rule?: 'phase0' | 'altair'
  /** Raw snappy (block format). Throws, or gives undefined, for what does not decompress. Bounds the length by itself. */
  decompress(data: Uint8Array): Uint8Array | undefined
}

const validSnappy = Uint8Array.of(1, 0, 0, 0)
const invalidSnappy = Uint8Array.of(0, 0, 0, 0)
const ethereumIdBytes = 20
const utf8 = new TextEncoder()

/** Consensus clients of Ethereum (p2p-interface of the consensus specifications): SHA-256 of the content, 20 bytes of it. */
export function ethereumMessageId(options: EthereumMessageIdOptions): MessageIdRule {
  const withTopic = options.rule !== 'phase0'
  return (message) => {
    const content = decompressed(options, message.data)
    const topic = withTopic ? utf8.encode(message.topic) : none
    const length = new Uint8Array(withTopic ? 8 : 0)
    if (withTopic) new DataView(length.buffer).setUint32(0, topic.length, true)
    const digest = sha256(
      concat([content === undefined ? invalidSnappy : validSnappy, length, topic, content ?? message.data])
    )
    return binaryString(digest.subarray(0, ethereumIdBytes))
  }
}

/** By name, or as a function that gives the bytes of the id. It is asked before anything about the message was checked. */
export type MessageIdOption =
  | 'spec'
  | 'go'
  | 'rust'
  | 'js'
  | 'content'
  | { readonly ethereum: EthereumMessageIdOptions }
  | ((message: WireMessage) => Uint8Array)

const named: Readonly<Record<string, MessageIdRule>> = {
  spec: specMessageId,
  go: specMessageId,
  rust: rustMessageId,
  js: jsMessageId,
  content: contentMessageId
}

/** The rule that an option means. Throws ERR_INVALID_ARGUMENT. */
export function messageIdRule(option: MessageIdOption): MessageIdRule {
  if (typeof option === 'function') return (message) => binaryString(option(message))
  if (typeof option === 'object') return ethereumMessageId(option.ethereum)
  const rule = named[option]
  if (rule === undefined)
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `${String(option)} is no rule for message ids`)
  return rule
}

function joined(one: Uint8Array, two: Uint8Array): MessageId {
  return binaryString(one) + binaryString(two)
}

function textOf(from: Uint8Array): string {
  try {
    return peerIdFromBytes(from).toString()
  } catch {
    // No peer id: its signature will not be right either, and until then any id will do.
    return binaryString(from)
  }
}

function decimal(seqno: Uint8Array): string {
  let value = 0n
  for (const byte of seqno.subarray(0, 8)) value = (value << 8n) | BigInt(byte)
  return value.toString()
}

function decompressed(options: EthereumMessageIdOptions, data: Uint8Array): Uint8Array | undefined {
  try {
    return options.decompress(data)
  } catch {
    return undefined
  }
}
