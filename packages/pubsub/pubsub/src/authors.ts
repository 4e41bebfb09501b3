import { BoundedMap } from '@peerloom/bounded'
import { peerIdFromBytes, peerIdFromPublicKey, publicKeyFromProtobuf } from '@peerloom/identity'
import type { PeerId, PublicKey } from '@peerloom/interface'
import { binaryString } from './binary-string.ts'
import type { WireMessage } from './wire/wire-message.ts'

const maxKnown = 4096

export interface Author {
  readonly peerId: PeerId
  readonly name: string
  /** Undefined until a message has brought it, for ids that are the digest of a key. */
  key: PublicKey | undefined
}

/** Who messages are from: ids and keys are decoded once for a peer that publishes often. */
export class Authors {
  readonly #known = new BoundedMap<string, Author>({ maxEntries: maxKnown })

  /** Undefined when the message names nobody, or what it names is no peer id. */
  of(message: WireMessage): Author | undefined {
    const { from } = message
    if (from === undefined) return undefined
    const name = binaryString(from)
    const known = this.#known.get(name)
    if (known !== undefined) return known
    try {
      const peerId = peerIdFromBytes(from)
      const author: Author = { peerId, name: peerId.toString(), key: peerId.publicKey }
      this.#known.set(name, author)
      return author
    } catch {
      return undefined
    }
  }

  /**
   * The key that the author signs with: the one inside the peer id, or the one that the message brings. A key that is brought
   * has to be that of the peer id, of whatever type it is; undefined otherwise.
   */
  keyOf(author: Author, message: WireMessage): PublicKey | undefined {
    const { key } = message
    if (key === undefined || key.length === 0) return author.key
    if (author.key !== undefined) return sameBytes(author.key.protobuf, key) ? author.key : undefined
    try {
      const brought = publicKeyFromProtobuf(key)
      if (!peerIdFromPublicKey(brought).equals(author.peerId)) return undefined
      author.key = brought
      return brought
    } catch {
      return undefined
    }
  }
}

function sameBytes(one: Uint8Array, two: Uint8Array): boolean {
  if (one.length !== two.length) return false
  for (let at = 0; at < one.length; at++) if (one[at] !== two[at]) return false
  return true
}
