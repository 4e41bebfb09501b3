import type { PartialMessage, Rpc, SubscriptionChange } from '../rpc.ts'
import { ControlDecoder, type MutableControl, noControl } from './decode-control.ts'
import { decodeError, FieldReader } from './field-reader.ts'
import { defaultRpcLimits, type RpcLimits } from './limits.ts'
import { MessageParts, type MessageReader, WireMessage } from './wire-message.ts'

/**
 * Reads RPCs (pubsub and gossipsub specifications) inside limits. Messages are not copied and not taken apart further than
 * to where their parts lie. Throws ERR_DECODE.
 */
export class RpcDecoder {
  readonly #limits: RpcLimits
  readonly #reader: MessageReader
  readonly #input: FieldReader
  readonly #control: ControlDecoder
  readonly #parts = new MessageParts()

  constructor(reader: MessageReader, limits: RpcLimits = defaultRpcLimits) {
    this.#reader = reader
    this.#limits = limits
    this.#input = new FieldReader(limits)
    this.#control = new ControlDecoder(this.#input, limits)
  }

  /** What it gives are views of `bytes`. */
  decode(bytes: Uint8Array): Rpc<WireMessage> {
    const limits = this.#limits
    if (bytes.length > limits.maxRpcBytes) throw decodeError(`an RPC of ${bytes.length} bytes`)
    const input = this.#input
    input.begin(bytes)
    this.#control.begin()
    const end = bytes.length
    let subscriptions: SubscriptionChange[] | undefined
    let publish: WireMessage[] | undefined
    let control: MutableControl | undefined
    let partial: PartialMessage | undefined
    let testExtension: boolean | undefined
    while (input.at < end) {
      const tagAt = input.at
      switch (input.field(end)) {
        case 1:
          subscriptions ??= []
          if (subscriptions.length >= limits.maxSubscriptions) throw decodeError('too many subscriptions')
          subscriptions.push(this.#subscription(input.inner(end)))
          break
        case 2:
          publish ??= []
          if (publish.length >= limits.maxMessages) throw decodeError('too many messages')
          publish.push(this.#message(tagAt, input.inner(end)))
          break
        case 3:
          if (control !== undefined) input.useSpare()
          control ??= noControl()
          this.#control.decode(input.inner(end), control)
          break
        case 10:
          if (partial !== undefined) input.useSpare()
          partial = this.#partial(input.inner(end))
          break
        case 6492434:
          if (testExtension !== undefined) input.useSpare()
          input.at = input.inner(end)
          testExtension = true
          break
        default:
          input.skip(end)
      }
    }
    return { subscriptions, publish, control, partial, testExtension }
  }

  #subscription(end: number): SubscriptionChange {
    const input = this.#input
    let topic = ''
    let subscribe = false
    let requestsPartial = false
    let supportsPartial = false
    while (input.at < end) {
      switch (input.field(end)) {
        case 1:
          subscribe = input.bool(end)
          break
        case 2:
          topic = input.topic(end)
          break
        case 3:
          requestsPartial = input.bool(end)
          break
        case 4:
          supportsPartial = input.bool(end)
          break
        default:
          input.skip(end)
      }
    }
    return requestsPartial || supportsPartial
      ? { topic, subscribe, requestsPartial, supportsPartial }
      : { topic, subscribe }
  }

  #message(start: number, end: number): WireMessage {
    const input = this.#input
    const parts = this.#parts
    parts.clear(input.at, end)
    let known = 0
    while (input.at < end) {
      const tagAt = input.at
      const field = input.field(end)
      if (field >= 1 && field <= 6) {
        if (known & (1 << field)) {
          input.useSpare()
          parts.isMalformed = true
        }
        known |= 1 << field
        const valueEnd = input.inner(end)
        switch (field) {
          case 1:
            parts.from = input.at
            parts.fromEnd = valueEnd
            break
          case 2:
            parts.data = input.at
            parts.dataEnd = valueEnd
            break
          case 3:
            parts.seqno = input.at
            parts.seqnoEnd = valueEnd
            break
          case 4:
            parts.topic = input.topicUpTo(valueEnd)
            break
          case 5:
            parts.signature = input.at
            parts.signatureEnd = valueEnd
            parts.signatureTag = tagAt
            break
          default:
            parts.key = input.at
            parts.keyEnd = valueEnd
            parts.keyTag = tagAt
        }
        input.at = valueEnd
      } else {
        input.skip(end)
      }
    }
    // The topic is a required field.
    if ((known & (1 << 4)) === 0) parts.isMalformed = true
    return new WireMessage(input.bytes, start, parts, this.#reader)
  }

  #partial(end: number): PartialMessage {
    const input = this.#input
    let topic = ''
    let groupId = input.bytes.subarray(0, 0)
    let part: Uint8Array | undefined
    let partsMetadata: Uint8Array | undefined
    while (input.at < end) {
      switch (input.field(end)) {
        case 1:
          topic = input.topic(end)
          break
        case 2:
          groupId = input.view(end)
          break
        case 3:
          part = input.view(end)
          break
        case 4:
          partsMetadata = input.view(end)
          break
        default:
          input.skip(end)
      }
    }
    return {
      topic,
      groupId,
      ...(part === undefined ? {} : { part }),
      ...(partsMetadata === undefined ? {} : { partsMetadata })
    }
  }
}
