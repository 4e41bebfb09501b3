import type { Message } from '@peerloom/pubsub'
import type { PeerState } from './peer.ts'
import type { Topic } from './topic.ts'

/** Another copy, waiting for the verdict on the one before. */
export interface Copy<M extends Message, Handle> {
  readonly message: M
  readonly from: PeerState<M, Handle>
}

/**
 * `verifying`: a copy is looked at, whether it is what its author made. `validating`: it is, and the message is judged. Then
 * the verdict.
 */
export type DeliveryStatus = 'verifying' | 'validating' | 'accepted' | 'rejected' | 'ignored'

/** What is known of one message id while copies of it come in. */
export class Delivery<M extends Message = Message, Handle = unknown> {
  status: DeliveryStatus
  /** Undefined in what many ids share. */
  readonly topic: Topic<M, Handle> | undefined
  /** Who sent a copy that counts: blamed if the message is bad, credited if it is good, and not in need of it. */
  senders: PeerState<M, Handle>[] | undefined
  copies: Copy<M, Handle>[] | undefined
  /** Mesh peers that send a copy until then are credited for it (P3). */
  countsUntil = 0

  constructor(status: DeliveryStatus, topic?: Topic<M, Handle>) {
    this.status = status
    this.topic = topic
  }

  sentBy(peer: PeerState<M, Handle>): boolean {
    return this.senders?.includes(peer) === true
  }
}
