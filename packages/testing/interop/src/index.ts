/** Foreign peers and the rows they are tested on. */
export { startForeignPeer } from './foreign-peer.ts'
export type {
  CommandOptions,
  EchoOptions,
  ForeignConnection,
  ForeignIdentify,
  ForeignIdentity,
  ForeignKeyType,
  ForeignPeer,
  ForeignPeerKind,
  ForeignPeerOptions,
  ForeignRecord,
  ForeignStats
} from './foreign-peer.ts'
export type {
  ForeignMessage,
  ForeignPubsub,
  ForeignPubsubOptions,
  MessageParts,
  PartialUse,
  PeerTraffic,
  PubsubTraffic,
  RpcCounts,
  RpcKind,
  SeenPrune
} from './foreign-pubsub.ts'
export { buildForeignPeer } from './peer-build.ts'
export { startNpmPeer } from './npm-peer.ts'
export { startPeerloomPeer } from './peerloom-peer.ts'
