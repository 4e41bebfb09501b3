import type { Message, MessageId } from '../message.ts'

/** What a message cannot say of itself. Asked when it is first needed, and before its signature is looked at. */
export interface MessageReader {
  idOf(message: WireMessage): MessageId
  /** The peer id that it names, as text; undefined for none. */
  authorOf(message: WireMessage): string | undefined
}

const signPrefix = Uint8Array.from('libp2p-pubsub:', (character) => character.charCodeAt(0))

/** Kept as it is when at least a quarter of the buffer under it is its own. */
const worthKeeping = 4

/** Where a field lies: from its tag to behind its value. */
interface Span {
  readonly from: number
  readonly to: number
}

/**
 * A message as it is on the wire: the `publish` field of an RPC, and where its parts lie in it. It is forwarded and verified
 * as these very bytes, for what was signed may hold fields that nobody here knows.
 */
export class WireMessage implements Message {
  readonly topic: string
  /** Of the whole field, its tag and length included. */
  readonly bytes: number
  readonly #reader: MessageReader
  #id: MessageId | undefined = undefined
  /** Null until it is asked for. */
  #author: string | undefined | null = null
  #buffer: Uint8Array
  /** Where the field starts in the buffer; parts are counted from there. */
  #start: number
  readonly #body: number
  // Values by their start and end; 0 for one that is absent.
  readonly #from: number
  readonly #fromEnd: number
  readonly #data: number
  readonly #dataEnd: number
  readonly #seqno: number
  readonly #seqnoEnd: number
  readonly #signature: number
  readonly #signatureEnd: number
  readonly #key: number
  readonly #keyEnd: number
  readonly #signatureTag: number
  readonly #keyTag: number
  /** A field came twice, or the topic not at all: others may read it another way. */
  readonly isMalformed: boolean

  constructor(buffer: Uint8Array, start: number, parts: MessageParts, reader: MessageReader) {
    this.#buffer = buffer
    this.#start = start
    this.#reader = reader
    this.topic = parts.topic
    this.isMalformed = parts.isMalformed
    this.bytes = parts.end - start
    this.#body = parts.body - start
    this.#from = parts.from === 0 ? 0 : parts.from - start
    this.#fromEnd = parts.fromEnd - start
    this.#data = parts.data === 0 ? 0 : parts.data - start
    this.#dataEnd = parts.dataEnd - start
    this.#seqno = parts.seqno === 0 ? 0 : parts.seqno - start
    this.#seqnoEnd = parts.seqnoEnd - start
    this.#signature = parts.signature === 0 ? 0 : parts.signature - start
    this.#signatureEnd = parts.signatureEnd - start
    this.#signatureTag = parts.signatureTag - start
    this.#key = parts.key === 0 ? 0 : parts.key - start
    this.#keyEnd = parts.keyEnd - start
    this.#keyTag = parts.keyTag - start
  }

  get id(): MessageId {
    return (this.#id ??= this.#reader.idOf(this))
  }

  get author(): string | undefined {
    if (this.#author === null) this.#author = this.#reader.authorOf(this)
    return this.#author
  }

  /** The `publish` field of an RPC, ready to be sent on. */
  get field(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#start + this.bytes)
  }

  get from(): Uint8Array | undefined {
    return this.#part(this.#from, this.#fromEnd)
  }

  /** Empty when it is absent, as protobuf has it. */
  get data(): Uint8Array {
    return this.#part(this.#data, this.#dataEnd) ?? this.#buffer.subarray(0, 0)
  }

  get seqno(): Uint8Array | undefined {
    return this.#part(this.#seqno, this.#seqnoEnd)
  }

  get signature(): Uint8Array | undefined {
    return this.#part(this.#signature, this.#signatureEnd)
  }

  get key(): Uint8Array | undefined {
    return this.#part(this.#key, this.#keyEnd)
  }

  /**
   * What the signature is over: all of the message as it came, but signature and key (pubsub specification, signing). It is
   * written into `scratch` when that is long enough.
   */
  signedBytes(scratch?: Uint8Array): Uint8Array {
    const cuts: Span[] = []
    if (this.#signature !== 0) cuts.push({ from: this.#signatureTag, to: this.#signatureEnd })
    if (this.#key !== 0) cuts.push({ from: this.#keyTag, to: this.#keyEnd })
    if (cuts.length === 2 && (cuts[0] as Span).from > (cuts[1] as Span).from) cuts.reverse()
    let length = signPrefix.length + this.bytes - this.#body
    for (const { from, to } of cuts) length -= to - from
    const bytes =
      scratch !== undefined && scratch.length >= length ? scratch.subarray(0, length) : new Uint8Array(length)
    bytes.set(signPrefix)
    let at = signPrefix.length
    let done = this.#body
    cuts.push({ from: this.bytes, to: this.bytes })
    for (const { from, to } of cuts) {
      bytes.set(this.#buffer.subarray(this.#start + done, this.#start + from), at)
      at += from - done
      done = to
    }
    return bytes
  }

  /** Lets go of a large buffer that a small message came in. Called for what stays: messages that are not duplicates. */
  keep(): void {
    if (this.bytes * worthKeeping >= this.#buffer.buffer.byteLength) return
    // Not slice(), which Node's own subclass answers with a view.
    this.#buffer = new Uint8Array(this.field)
    this.#start = 0
  }

  #part(start: number, end: number): Uint8Array | undefined {
    return start === 0 ? undefined : this.#buffer.subarray(this.#start + start, this.#start + end)
  }
}

/** Where the parts of a message lie in a buffer; starts are 0 for parts that are absent. Used again for the next message. */
export class MessageParts {
  topic = ''
  isMalformed = false
  body = 0
  end = 0
  from = 0
  fromEnd = 0
  data = 0
  dataEnd = 0
  seqno = 0
  seqnoEnd = 0
  signature = 0
  signatureEnd = 0
  signatureTag = 0
  key = 0
  keyEnd = 0
  keyTag = 0

  clear(body: number, end: number): void {
    this.topic = ''
    this.isMalformed = false
    this.body = body
    this.end = end
    this.from = this.data = this.seqno = this.signature = this.key = 0
  }
}
