import type { NodeContext } from '@peerloom/interface'
import { SequenceNumbers } from './sequence-numbers.ts'
import type { SignaturePolicy } from './signatures.ts'
import { encodeMessage } from './wire/encode-message.ts'
import type { WireMessage } from './wire/wire-message.ts'

/** First byte of a peer id that holds its key. */
const identityMultihash = 0

/** Makes messages of our own. */
export class Signer {
  readonly #node: NodeContext
  readonly #policy: SignaturePolicy
  readonly #read: (field: Uint8Array) => WireMessage
  readonly #numbers: SequenceNumbers
  /** Settled when the message before is made: they leave in the order of their numbers. */
  #before: Promise<unknown> = Promise.resolve()

  constructor(node: NodeContext, policy: SignaturePolicy, read: (field: Uint8Array) => WireMessage) {
    this.#node = node
    this.#policy = policy
    this.#read = read
    this.#numbers = new SequenceNumbers(node.clock, node.peerId, node.storage)
  }

  async start(): Promise<void> {
    if (this.#policy === 'StrictSign') await this.#numbers.load()
  }

  /** Messages resolve in the order of the calls. */
  make(topic: string, data: Uint8Array): Promise<WireMessage> {
    const before = this.#before
    const making = this.#policy === 'StrictSign' ? this.#signed(topic, data) : this.#bare(topic, data)
    const inOrder = Promise.all([making, before]).then(([message]) => message)
    this.#before = inOrder.catch(() => {})
    return inOrder
  }

  async #bare(topic: string, data: Uint8Array): Promise<WireMessage> {
    return this.#read(encodeMessage({ data, topic }))
  }

  async #signed(topic: string, data: Uint8Array): Promise<WireMessage> {
    const { peerId, publicKey } = this.#node
    const fields = { from: peerId.bytes, data, seqno: this.#numbers.next(), topic }
    const unsigned = this.#read(encodeMessage(fields))
    const signature = await this.#node.sign(unsigned.signedBytes())
    // A key that is in the peer id needs no second place.
    const key = peerId.bytes[0] === identityMultihash ? undefined : publicKey.protobuf
    return this.#read(encodeMessage({ ...fields, signature, key }))
  }
}
