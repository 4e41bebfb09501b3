import { concat, lengthPrefix, ProtobufWriter } from '@peerloom/bounded'
import { type Connection, isPeerloomError, type NodeContext } from '@peerloom/interface'
import { encodeIdentify, maxMessageBytes } from './codec.ts'

const protocolVersion = 'ipfs/0.1.0'

/** Room in the first message for the one field that differs from connection to connection. */
const observedBytes = 256
/** A record is one field, and a field is not split. */
const maxRecordBytes: number = maxMessageBytes - 8

interface Encoded {
  /** The first message without its length, and the frames of the others. */
  readonly first: Uint8Array
  readonly others: Uint8Array
  /** What it says, to tell it from another. */
  readonly content: string
}

/** What this node tells of itself, encoded and signed once for all connections until it changes. */
export class OwnMessage {
  readonly #node: NodeContext
  #encoded: Promise<Encoded> | undefined
  /** What everybody was told who is connected: empty before the first, undefined when some were told something else. */
  #told: string | undefined = ''

  constructor(node: NodeContext) {
    this.#node = node
  }

  /** Protocols or addresses may have changed. */
  changed(): void {
    this.#encoded = undefined
  }

  /** Somebody is there: what is true now is no news. */
  meet(): void {
    if (this.#told === '') this.#told = this.#content()
  }

  /** Whether there is something to say that was not told to everybody; from now on it counts as told. */
  hasNews(): boolean {
    const content = this.#content()
    if (this.#told === '' || this.#told === content) return false
    this.#told = content
    return true
  }

  /** The frames to send on a connection: what is true for all, and where we see this peer. */
  async framesFor(connection: Connection): Promise<Uint8Array> {
    this.#encoded ??= this.#encodeOnce()
    const { first, others, content } = await this.#encoded
    if (content !== this.#told) this.#told = undefined
    // Fields of a protobuf may stand in any order, so the address is simply put behind the rest.
    const observed = new ProtobufWriter().bytes(4, connection.remoteAddress.bytes).finish()
    const whole = observed.length > observedBytes ? first : concat([first, observed])
    return others.length === 0 ? lengthPrefix(whole) : concat([lengthPrefix(whole), others])
  }

  #content(): string {
    const { protocols, addresses } = this.#node
    return JSON.stringify([protocols.list(), addresses.list().map(({ address }) => address.toString())])
  }

  #encodeOnce(): Promise<Encoded> {
    const encoding = this.#encode()
    // The next one who asks tries again.
    encoding.catch(() => {
      if (this.#encoded === encoding) this.#encoded = undefined
    })
    return encoding
  }

  async #encode(): Promise<Encoded> {
    const { publicKey, agentVersion, protocols, addresses } = this.#node
    const content = this.#content()
    const told = {
      publicKey: publicKey.protobuf,
      protocolVersion,
      agentVersion,
      protocols: protocols.list(),
      listenAddresses: addresses.list().map(({ address }) => address)
    }
    const record = await addresses.signedRecord()
    const [first, ...others] = this.#fit(record.length > maxRecordBytes ? told : { ...told, signedPeerRecord: record })
    return { first: first ?? new Uint8Array(0), others: concat(others.map(lengthPrefix)), content }
  }

  /** Rather some addresses too few, and then some protocols, than nothing: a node that says nothing is no use to anybody. */
  #fit(message: Parameters<typeof encodeIdentify>[0]): Uint8Array[] {
    let { listenAddresses, protocols = [] } = message
    for (;;) {
      try {
        return encodeIdentify({ ...message, listenAddresses, protocols }, observedBytes)
      } catch (error) {
        if (!isPeerloomError(error, 'ERR_INVALID_ARGUMENT') || listenAddresses.length + protocols.length === 0)
          throw error
        this.#node.log('identify').error('not all of it is told: %s', error.message)
        if (listenAddresses.length > 0) listenAddresses = listenAddresses.slice(0, listenAddresses.length >> 1)
        else protocols = protocols.slice(0, protocols.length >> 1)
      }
    }
  }
}
