/** A node in a mesh of one topic, as the workload `gossip` needs it. */
export interface GossipNode {
  readonly addresses: readonly string[]
  dial(addresses: readonly string[]): Promise<void>
  meshSize(): number
  publish(data: Uint8Array): Promise<void>
  stop(): Promise<void>
}

/** `onMessage` is called for each message of another node. */
export type StartGossip = (onMessage: (data: Uint8Array) => void) => Promise<GossipNode>

export const gossipTopic = 'bench'
