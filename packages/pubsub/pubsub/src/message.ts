/** A message id as a map key: every byte of it is one character, U+0000 to U+00FF. Ids are bytes, not text. */
export type MessageId = string

/** What a router needs to know of a message. The wire's messages and those of a simulation both are ones. */
export interface Message {
  readonly id: MessageId
  readonly topic: string
  /** Who made it, as a key of `Router.peers`: it is not sent back there. */
  readonly author?: string | undefined
  /** Bytes that it takes in an RPC, its field header included. */
  readonly bytes: number
}
