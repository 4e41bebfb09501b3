import type { PeerId, PubSubMessage } from '@peerloom/interface'
import type { Authors } from './authors.ts'
import { binaryBytes } from './binary-string.ts'
import type { WireMessage } from './wire/wire-message.ts'

/** A message as applications see it; what they do not look at is not decoded. */
export class ReceivedMessage implements PubSubMessage {
  readonly topic: string
  readonly receivedFrom: PeerId | undefined
  readonly #message: WireMessage
  readonly #authors: Authors

  constructor(message: WireMessage, authors: Authors, receivedFrom: PeerId | undefined) {
    this.topic = message.topic
    this.receivedFrom = receivedFrom
    this.#message = message
    this.#authors = authors
  }

  get data(): Uint8Array {
    return this.#message.data
  }

  get from(): PeerId | undefined {
    return this.#authors.of(this.#message)?.peerId
  }

  get seqno(): bigint | undefined {
    const { seqno } = this.#message
    if (seqno?.length !== 8) return undefined
    return new DataView(seqno.buffer, seqno.byteOffset, 8).getBigUint64(0)
  }

  get id(): Uint8Array {
    return binaryBytes(this.#message.id)
  }
}
