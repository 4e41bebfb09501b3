/**
 * What FloodSub and GossipSub have in common: the RPC and its messages, what waits for a peer, and the seam between a router,
 * which is pure, and what it lives in.
 */
export type { Message, MessageId } from './message.ts'
export type { Control, Extensions, IHave, PartialMessage, PeerExchange, Prune, Rpc, SubscriptionChange } from './rpc.ts'
export { defaultOutboundQueueLimits, OutboundQueue } from './outbound-queue.ts'
export type { Outbound, OutboundQueueLimits, Priority, Refusals } from './outbound-queue.ts'
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
export { binaryBytes, binaryString } from './binary-string.ts'
export { encodeMessage } from './wire/encode-message.ts'
export type { MessageFields } from './wire/encode-message.ts'
export { encodeRpc } from './wire/encode.ts'
export { RpcDecoder } from './wire/decode.ts'
export { FrameGatherer } from './wire/frame-gatherer.ts'
export { defaultRpcLimits } from './wire/limits.ts'
export type { RpcLimits } from './wire/limits.ts'
export { splitRpc } from './wire/split.ts'
export { WireMessage } from './wire/wire-message.ts'
export type { MessageReader } from './wire/wire-message.ts'
export { messageIdRule } from './message-id.ts'
export type { EthereumMessageIdOptions, MessageIdOption, MessageIdRule } from './message-id.ts'
export { Authors } from './authors.ts'
export { verifyMessage } from './signatures.ts'
export type { SignaturePolicy } from './signatures.ts'
export type { ConnectorLimits } from './connector.ts'
export type { LinkLimits, PeerLink } from './peer-link.ts'
export type { ValidationLimits } from './validation.ts'
export { PubSubService } from './service.ts'
export type { PubSubOptions, ServiceHost, ServiceRouter } from './service.ts'
