import { PeerloomError } from '@peerloom/interface'
import { binaryString } from '../binary-string.ts'
import type { MessageId } from '../message.ts'
import type {
  Control,
  Extensions,
  IHave,
  PartialMessage,
  PeerExchange,
  Prune,
  Rpc,
  SubscriptionChange
} from '../rpc.ts'
import { defaultRpcLimits, type RpcLimits } from './limits.ts'
import { TopicNames } from './topic-names.ts'
import { MessageParts, type MessageReader, WireMessage } from './wire-message.ts'

type Filled<T> = { -readonly [K in keyof T]-?: T[K] }
type MutableControl = Filled<Control>

const fail = (message: string): PeerloomError => new PeerloomError('ERR_DECODE', `pubsub: ${message}`, { remote: true })

/** Tags with their wire types, as they are on the wire when they fit into one byte: number * 8 + type. */
const lengthDelimited = 2

/**
 * Reads RPCs (pubsub and gossipsub specifications) inside limits. Messages are not copied and not taken apart further than
 * to where their parts lie. Throws ERR_DECODE.
 */
export class RpcDecoder {
  readonly #limits: RpcLimits
  readonly #reader: MessageReader
  readonly #topics = new TopicNames()
  readonly #parts = new MessageParts()
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  /** Wire type of the field that was begun. */
  #wire = 0
  // What is left of the limits for the RPC under way.
  #spare = 0
  #control = 0
  #ihaveIds = 0
  #iwantIds = 0
  #idontwantIds = 0

  constructor(reader: MessageReader, limits: RpcLimits = defaultRpcLimits) {
    this.#reader = reader
    this.#limits = limits
  }

  /** What it gives are views of `bytes`. */
  decode(bytes: Uint8Array): Rpc<WireMessage> {
    const limits = this.#limits
    if (bytes.length > limits.maxRpcBytes) throw fail(`an RPC of ${bytes.length} bytes`)
    this.#bytes = bytes
    this.#at = 0
    this.#spare = limits.maxSpareFields
    this.#control = limits.maxControl
    this.#ihaveIds = this.#iwantIds = limits.maxIds
    this.#idontwantIds = limits.maxIdontwantIds
    const end = bytes.length
    let subscriptions: SubscriptionChange[] | undefined
    let publish: WireMessage[] | undefined
    let control: MutableControl | undefined
    let partial: PartialMessage | undefined
    let testExtension: boolean | undefined
    while (this.#at < end) {
      const tagAt = this.#at
      switch (this.#field(end)) {
        case 1:
          subscriptions ??= []
          if (subscriptions.length >= limits.maxSubscriptions) throw fail('too many subscriptions')
          subscriptions.push(this.#subscription(this.#inner(end)))
          break
        case 2:
          publish ??= []
          if (publish.length >= limits.maxMessages) throw fail('too many messages')
          publish.push(this.#message(tagAt, this.#inner(end)))
          break
        case 3:
          // A field that comes again is merged, as protobuf has it.
          if (control !== undefined) this.#useSpare()
          control ??= noControl()
          this.#controlMessage(this.#inner(end), control)
          break
        case 10:
          if (partial !== undefined) this.#useSpare()
          partial = this.#partial(this.#inner(end))
          break
        case 6492434:
          if (testExtension !== undefined) this.#useSpare()
          this.#at = this.#inner(end)
          testExtension = true
          break
        default:
          this.#skip(end)
      }
    }
    return { subscriptions, publish, control, partial, testExtension }
  }

  #subscription(end: number): SubscriptionChange {
    let topic = ''
    let subscribe = false
    let requestsPartial = false
    let supportsPartial = false
    while (this.#at < end) {
      switch (this.#field(end)) {
        case 1:
          subscribe = this.#bool(end)
          break
        case 2:
          topic = this.#topic(end)
          break
        case 3:
          requestsPartial = this.#bool(end)
          break
        case 4:
          supportsPartial = this.#bool(end)
          break
        default:
          this.#skip(end)
      }
    }
    return requestsPartial || supportsPartial
      ? { topic, subscribe, requestsPartial, supportsPartial }
      : { topic, subscribe }
  }

  #message(start: number, end: number): WireMessage {
    const parts = this.#parts
    parts.clear(this.#at, end)
    let known = 0
    while (this.#at < end) {
      const tagAt = this.#at
      const field = this.#field(end)
      if (field >= 1 && field <= 6) {
        if (known & (1 << field)) {
          this.#useSpare()
          parts.isMalformed = true
        }
        known |= 1 << field
        const valueEnd = this.#inner(end)
        switch (field) {
          case 1:
            parts.from = this.#at
            parts.fromEnd = valueEnd
            break
          case 2:
            parts.data = this.#at
            parts.dataEnd = valueEnd
            break
          case 3:
            parts.seqno = this.#at
            parts.seqnoEnd = valueEnd
            break
          case 4:
            this.#checkTopic(valueEnd - this.#at)
            parts.topic = this.#topics.decode(this.#bytes, this.#at, valueEnd)
            break
          case 5:
            parts.signature = this.#at
            parts.signatureEnd = valueEnd
            parts.signatureTag = tagAt
            break
          default:
            parts.key = this.#at
            parts.keyEnd = valueEnd
            parts.keyTag = tagAt
        }
        this.#at = valueEnd
      } else {
        this.#skip(end)
      }
    }
    // The topic is a required field.
    if ((known & (1 << 4)) === 0) parts.isMalformed = true
    return new WireMessage(this.#bytes, start, parts, this.#reader)
  }

  #controlMessage(end: number, control: MutableControl): void {
    while (this.#at < end) {
      const field = this.#field(end)
      if (field >= 1 && field <= 5 && --this.#control < 0) throw fail('too many control messages')
      switch (field) {
        case 1:
          ;((control.ihave ??= []) as IHave[]).push(this.#ihave(this.#inner(end)))
          break
        case 2: {
          const ids = this.#ids(this.#inner(end), this.#iwantIds)
          this.#iwantIds -= ids.length
          ;((control.iwant ??= []) as (readonly MessageId[])[]).push(ids)
          break
        }
        case 3:
          ;((control.graft ??= []) as string[]).push(this.#graft(this.#inner(end)))
          break
        case 4:
          ;((control.prune ??= []) as Prune[]).push(this.#prune(this.#inner(end)))
          break
        case 5: {
          const ids = this.#ids(this.#inner(end), this.#idontwantIds)
          this.#idontwantIds -= ids.length
          ;((control.idontwant ??= []) as (readonly MessageId[])[]).push(ids)
          break
        }
        case 6:
          if (control.extensions !== undefined) this.#useSpare()
          control.extensions = this.#extensions(this.#inner(end))
          break
        default:
          this.#skip(end)
      }
    }
  }

  #ihave(end: number): IHave {
    let topic = ''
    const ids: MessageId[] = []
    while (this.#at < end) {
      switch (this.#field(end)) {
        case 1:
          topic = this.#topic(end)
          break
        case 2:
          if (this.#id(end, this.#ihaveIds, ids)) this.#ihaveIds--
          break
        default:
          this.#skip(end)
      }
    }
    return { topic, ids }
  }

  /** At most `left` of them. */
  #ids(end: number, left: number): MessageId[] {
    const ids: MessageId[] = []
    while (this.#at < end) {
      if (this.#field(end) === 1) this.#id(end, left - ids.length, ids)
      else this.#skip(end)
    }
    return ids
  }

  #id(end: number, left: number, ids: MessageId[]): boolean {
    const valueEnd = this.#inner(end)
    const start = this.#at
    this.#at = valueEnd
    if (left <= 0 || valueEnd - start > this.#limits.maxIdBytes) return false
    ids.push(binaryString(this.#bytes.subarray(start, valueEnd)))
    return true
  }

  #graft(end: number): string {
    let topic = ''
    while (this.#at < end) {
      if (this.#field(end) === 1) topic = this.#topic(end)
      else this.#skip(end)
    }
    return topic
  }

  #prune(end: number): Prune {
    let topic = ''
    let peers: PeerExchange[] | undefined
    let backoffSeconds: number | undefined
    while (this.#at < end) {
      switch (this.#field(end)) {
        case 1:
          topic = this.#topic(end)
          break
        case 2: {
          peers ??= []
          const peer = this.#peer(this.#inner(end))
          if (peers.length < this.#limits.maxPeers) peers.push(peer)
          break
        }
        case 3:
          backoffSeconds = this.#number(end)
          break
        default:
          this.#skip(end)
      }
    }
    return {
      topic,
      ...(peers === undefined ? {} : { peers }),
      ...(backoffSeconds === undefined ? {} : { backoffSeconds })
    }
  }

  #peer(end: number): PeerExchange {
    let peerId = this.#bytes.subarray(0, 0)
    let signedPeerRecord: Uint8Array | undefined
    while (this.#at < end) {
      switch (this.#field(end)) {
        case 1:
          peerId = this.#view(end)
          break
        case 2:
          signedPeerRecord = this.#view(end)
          break
        default:
          this.#skip(end)
      }
    }
    return signedPeerRecord === undefined ? { peerId } : { peerId, signedPeerRecord }
  }

  #extensions(end: number): Extensions {
    let partialMessages = false
    let testExtension = false
    while (this.#at < end) {
      switch (this.#field(end)) {
        case 10:
          partialMessages = this.#bool(end)
          break
        case 6492434:
          testExtension = this.#bool(end)
          break
        default:
          this.#skip(end)
      }
    }
    return { partialMessages, testExtension }
  }

  #partial(end: number): PartialMessage {
    let topic = ''
    let groupId = this.#bytes.subarray(0, 0)
    let part: Uint8Array | undefined
    let partsMetadata: Uint8Array | undefined
    while (this.#at < end) {
      switch (this.#field(end)) {
        case 1:
          topic = this.#topic(end)
          break
        case 2:
          groupId = this.#view(end)
          break
        case 3:
          part = this.#view(end)
          break
        case 4:
          partsMetadata = this.#view(end)
          break
        default:
          this.#skip(end)
      }
    }
    return {
      topic,
      groupId,
      ...(part === undefined ? {} : { part }),
      ...(partsMetadata === undefined ? {} : { partsMetadata })
    }
  }

  // The pieces that messages are made of.

  /** Begins a field: its number. */
  #field(end: number): number {
    const tag = this.#varint(end)
    this.#wire = tag & 7
    const field = Math.floor(tag / 8)
    if (field === 0 || field > 0x1fffffff) throw fail(`field number ${field}`)
    return field
  }

  /** Enters a field of bytes: where it ends. */
  #inner(end: number): number {
    if (this.#wire !== lengthDelimited) throw fail(`wire type ${this.#wire} where bytes should be`)
    const length = this.#varint(end)
    if (length > end - this.#at) throw fail('a length goes over the end')
    return this.#at + length
  }

  #view(end: number): Uint8Array {
    const valueEnd = this.#inner(end)
    const view = this.#bytes.subarray(this.#at, valueEnd)
    this.#at = valueEnd
    return view
  }

  #topic(end: number): string {
    const valueEnd = this.#inner(end)
    this.#checkTopic(valueEnd - this.#at)
    const topic = this.#topics.decode(this.#bytes, this.#at, valueEnd)
    this.#at = valueEnd
    return topic
  }

  #checkTopic(length: number): void {
    if (length > this.#limits.maxTopicBytes) throw fail(`the name of a topic has ${length} bytes`)
  }

  #bool(end: number): boolean {
    return this.#number(end) !== 0
  }

  /** Any number of 64 bits, its last digits rounded above 2^53. */
  #number(end: number): number {
    if (this.#wire !== 0) throw fail(`wire type ${this.#wire} where a number should be`)
    return this.#varint64(end)
  }

  #varint(end: number): number {
    const first = this.#at < end ? (this.#bytes[this.#at] as number) : 0x80
    if (first < 0x80) {
      this.#at++
      return first
    }
    const value = this.#varint64(end)
    if (value > 0xffff_ffff) throw fail('a tag or length over 2^32')
    return value
  }

  #varint64(end: number): number {
    let value = 0
    let factor = 1
    for (let count = 0; count < 10; count++) {
      if (this.#at >= end) throw fail('it ends inside a number')
      const byte = this.#bytes[this.#at++] as number
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
    throw fail('a number of more than ten bytes')
  }

  /** Leaves out a field that means nothing to us. */
  #skip(end: number): void {
    this.#useSpare()
    switch (this.#wire) {
      case 0:
        this.#varint64(end)
        break
      case 1:
        this.#advance(8, end)
        break
      case 2:
        this.#at = this.#inner(end)
        break
      case 5:
        this.#advance(4, end)
        break
      default:
        throw fail(`wire type ${this.#wire}`)
    }
  }

  #advance(length: number, end: number): void {
    if (length > end - this.#at) throw fail('it ends inside a field')
    this.#at += length
  }

  #useSpare(): void {
    if (--this.#spare < 0) throw fail('too many fields that mean nothing')
  }
}

function noControl(): MutableControl {
  return {
    ihave: undefined,
    iwant: undefined,
    graft: undefined,
    prune: undefined,
    idontwant: undefined,
    extensions: undefined
  }
}
