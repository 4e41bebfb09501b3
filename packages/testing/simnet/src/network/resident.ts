import type { Rpc } from '@peerloom/pubsub'
import type { Link } from './link.ts'
import type { SimMessage } from './message.ts'

/** Who lives in a node of the network: a router, or a small actor that follows a script. */
export interface Resident {
  /** The protocol that it speaks, as its peers find it. */
  readonly protocol: string
  /** Addresses that it is connected from. */
  readonly ips: readonly string[]
  /** How often `beat` is called, in ms; 0: never. */
  readonly beatMs: number
  beat(): void
  /** A connection is up. Gives the link its queue. */
  linked(link: Link): void
  unlinked(link: Link): void
  receive(link: Link, rpc: Rpc<SimMessage>): void
  /** Publishes a message of its own. */
  publish(message: SimMessage): void
  /** A timer that it set with `Network.timer`. */
  timer(ref: number): void
}
