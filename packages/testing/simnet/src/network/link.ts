import type { OutboundQueue, RouterPeer } from '@peerloom/pubsub'
import type { SimMessage } from './message.ts'

/** One end of a connection: what its node sends goes into its queue, and comes out of the twin. */
export class Link {
  /** Its number among the links that are up; used again when it is gone. */
  readonly index: number
  /** Whose end it is. */
  readonly node: number
  readonly remote: number
  /** This side dialled. */
  readonly outbound: boolean
  twin!: Link
  /** What waits for the remote. Undefined until whoever lives in the node has taken the link. */
  queue: OutboundQueue<SimMessage> | undefined = undefined
  /** The record of the router that lives in the node. */
  peer: RouterPeer<SimMessage, Link> | undefined = undefined
  isUp = true
  /** It has its place among those that send. */
  isWaiting = false

  constructor(index: number, node: number, remote: number, outbound: boolean) {
    this.index = index
    this.node = node
    this.remote = remote
    this.outbound = outbound
  }
}
