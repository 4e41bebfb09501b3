/** What one RPC may hold. More of what takes effect is an error; longer lists of ids and peers are cut. */
export interface RpcLimits {
  /** Bytes of an RPC; longer ones are not read. Default 4 MiB. */
  readonly maxRpcBytes: number
  /** Subscriptions. Default 5,000. */
  readonly maxSubscriptions: number
  /** Messages. Default 5,000. */
  readonly maxMessages: number
  /** IHAVE, IWANT, GRAFT, PRUNE and IDONTWANT together. Default 5,000. */
  readonly maxControl: number
  /** Ids in all IHAVE together, and in all IWANT together. Default 5,000. */
  readonly maxIds: number
  /** Ids in all IDONTWANT together. Default 5,000. */
  readonly maxIdontwantIds: number
  /** Peers in a PRUNE. Default 16. */
  readonly maxPeers: number
  /** Bytes of the name of a topic. Default 1,024. */
  readonly maxTopicBytes: number
  /** Bytes of a message id in a control message; longer ones are left out. Default 512. */
  readonly maxIdBytes: number
  /** Fields that mean nothing: unknown ones, and those that come twice where one is looked at. Default 1,024. */
  readonly maxSpareFields: number
}

export const defaultRpcLimits: RpcLimits = {
  maxRpcBytes: 4 * 1024 * 1024,
  maxSubscriptions: 5000,
  maxMessages: 5000,
  maxControl: 5000,
  maxIds: 5000,
  maxIdontwantIds: 5000,
  maxPeers: 16,
  maxTopicBytes: 1024,
  maxIdBytes: 512,
  maxSpareFields: 1024
}
