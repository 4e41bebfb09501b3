import { lengthPrefix, ProtobufWriter } from '@peerloom/bounded'
import type { Connection, NodeContext } from '@peerloom/interface'
import { concat, encodeIdentify } from './codec.ts'

const protocolVersion = 'ipfs/0.1.0'

/** Room in the first message for the one field that differs from connection to connection. */
const observedBytes = 256

interface Encoded {
  /** The first message without its length, and the frames of the others. */
  readonly first: Uint8Array
  readonly others: Uint8Array
}

/** What this node tells of itself, encoded and signed once for all connections until it changes. */
export class OwnMessage {
  readonly #node: NodeContext
  #encoded: Promise<Encoded> | undefined

  constructor(node: NodeContext) {
    this.#node = node
  }

  /** Protocols or addresses have changed. */
  changed(): void {
    this.#encoded = undefined
  }

  /** The frames to send on a connection: what is true for all, and where we see this peer. */
  async framesFor(connection: Connection): Promise<Uint8Array> {
    if (this.#encoded === undefined) {
      const encoding = this.#encode()
      this.#encoded = encoding
      // A failure is not kept: the next peer that asks may be luckier.
      encoding.catch(() => {
        if (this.#encoded === encoding) this.#encoded = undefined
      })
    }
    const { first, others } = await this.#encoded
    // Fields of a protobuf may stand in any order, so the address is simply put behind the rest.
    const observed = new ProtobufWriter().bytes(4, connection.remoteAddress.bytes).finish()
    const whole = observed.length > observedBytes ? first : concat([first, observed])
    return others.length === 0 ? lengthPrefix(whole) : concat([lengthPrefix(whole), others])
  }

  async #encode(): Promise<Encoded> {
    const { publicKey, agentVersion, protocols, addresses } = this.#node
    const signedPeerRecord = await addresses.signedRecord()
    const [first, ...others] = encodeIdentify(
      {
        publicKey: publicKey.protobuf,
        protocolVersion,
        agentVersion,
        protocols: protocols.list(),
        listenAddresses: addresses.list().map(({ address }) => address),
        signedPeerRecord
      },
      observedBytes
    )
    return { first: first ?? new Uint8Array(0), others: concat(others.map(lengthPrefix)) }
  }
}
