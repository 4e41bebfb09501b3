/**
 * What FloodSub and GossipSub have in common: the RPC and its messages, what waits for a peer, and the seam between a router,
 * which is pure, and what it lives in.
 */
export type { Message, MessageId } from './message.ts'
export type { Control, Extensions, IHave, PartialMessage, PeerExchange, Prune, Rpc, SubscriptionChange } from './rpc.ts'
export { defaultOutboundQueueLimits, OutboundQueue } from './outbound-queue.ts'
export type { Outbound, OutboundQueueLimits, Priority } from './outbound-queue.ts'
export { controlEntryBytes, controlRpcBytes, rpcBytes } from './rpc-size.ts'
export type {
  DropReason,
  PeerInit,
  Recommended,
  Router,
  RouterHost,
  RouterPeer,
  RouterTrace,
  Verdict
} from './router.ts'
