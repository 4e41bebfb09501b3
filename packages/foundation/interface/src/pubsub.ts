import type { PeerId } from './peer.ts'

export interface PubSubMessage {
  readonly topic: string
  readonly data: Uint8Array
  /** Absent under StrictNoSign. */
  readonly from: PeerId | undefined
  readonly seqno: bigint | undefined
  readonly id: Uint8Array
}

export interface PublishResult {
  readonly recipients: readonly PeerId[]
}

export interface PubSub {
  subscribe(topic: string, handler?: (message: PubSubMessage) => void): void
  unsubscribe(topic: string): void
  publish(topic: string, data: Uint8Array): Promise<PublishResult>
  peers(topic: string): readonly PeerId[]
  addEventListener(type: 'message', listener: (event: CustomEvent<PubSubMessage>) => void): void
  removeEventListener(type: 'message', listener: (event: CustomEvent<PubSubMessage>) => void): void
}
