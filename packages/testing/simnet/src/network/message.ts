import { varintLength } from '@peerloom/bounded'
import type { Message, MessageId, Rpc } from '@peerloom/pubsub'
import type { Random } from '../engine/random.ts'

/** A message of a simulation: no bytes, only how many there would be. */
export class SimMessage implements Message {
  /** Its place in the network's list of messages. */
  readonly index: number
  readonly id: MessageId
  readonly topic: string
  readonly bytes: number
  /** The peer id of the publisher. */
  readonly author: string
  /** The node that published it. */
  readonly publisher: number
  readonly publishedUs: number
  /** Whether validation finds it good. */
  readonly valid: boolean
  /** An RPC with it alone, made once: messages go from node to node as they are. */
  readonly rpc: Rpc<SimMessage>

  constructor(init: Omit<SimMessage, 'rpc'>) {
    this.index = init.index
    this.id = init.id
    this.topic = init.topic
    this.bytes = init.bytes
    this.author = init.author
    this.publisher = init.publisher
    this.publishedUs = init.publishedUs
    this.valid = init.valid
    this.rpc = { publish: [this] }
  }
}

/** The multihash of an Ed25519 key: identity, 36 bytes, the key as a protobuf. */
const peerIdHead = '\x00\x24\x08\x01\x12\x20'
const keyBytes = 32
const seqnoBytes = 8
const signatureBytes = 64
const peerIdBytes = peerIdHead.length + keyBytes

/** A peer id as a map key, of the length that real ones have, with the number of the node at its end. */
export function simPeerId(node: number, random: Random): string {
  const key = Array.from({ length: keyBytes - 4 }, () => random.below(256))
  return peerIdHead + flat([...key, node >>> 24, (node >>> 16) & 255, (node >>> 8) & 255, node & 255])
}

/** The node that the multihash of a peer id names; undefined when it is nobody's. */
export function nodeOfPeerId(peerId: Uint8Array | string): number | undefined {
  if (peerId.length !== peerIdBytes) return undefined
  const at = (index: number): number =>
    typeof peerId === 'string' ? peerId.charCodeAt(index) : (peerId[index] as number)
  return (
    ((at(peerIdBytes - 4) << 24) | (at(peerIdBytes - 3) << 16) | (at(peerIdBytes - 2) << 8) | at(peerIdBytes - 1)) >>> 0
  )
}

/** The id of the specification, publisher and sequence number. */
export function simMessageId(peerId: string, seqno: number): string {
  const codes: number[] = []
  for (let at = 0; at < peerId.length; at++) codes.push(peerId.charCodeAt(at))
  for (let at = seqnoBytes - 1; at >= 0; at--) codes.push(Math.floor(seqno / 256 ** at) & 255)
  return flat(codes)
}

/** One piece of text: what is put together by adding is a tree, and slow as a key. */
const flat = (codes: readonly number[]): string => String.fromCharCode(...codes)

const field = (length: number): number => 1 + varintLength(length) + length

/** Bytes that a signed message takes in an RPC. */
export function signedMessageBytes(topic: string, payloadBytes: number): number {
  return field(
    field(peerIdBytes) + field(payloadBytes) + field(seqnoBytes) + field(topic.length) + field(signatureBytes)
  )
}
